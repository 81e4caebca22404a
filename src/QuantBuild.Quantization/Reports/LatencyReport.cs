using System.Collections.Immutable;

namespace QuantBuild.Quantization.Reports;

/// <summary>
/// Milliseconds for one sample on one thread. A speedup is against float as given, a prepared one against the prepared float model; each has its
/// 95 % interval, and one that holds 1 leaves open which model is faster.
/// </summary>
public sealed record LatencyReport(double FloatMs, double PreparedFloatMs, double QuantizedMs, double Speedup, ImmutableArray<double> Interval)
{
    /// <summary>Null where it was not measured.</summary>
    public double? PreparedSpeedup { get; init; }

    public ImmutableArray<double> PreparedInterval { get; init; } = [];

    /// <summary>The same for each number of threads that was measured, one first.</summary>
    public ImmutableArray<ThreadLatencyReport> Threads { get; init; } = [];
}

/// <summary>A row of <see cref="LatencyReport.Threads"/>.</summary>
public sealed record ThreadLatencyReport(int Threads, double FloatMs, double PreparedFloatMs, double QuantizedMs)
{
    public required double Speedup { get; init; }

    public required ImmutableArray<double> Interval { get; init; }

    public required double PreparedSpeedup { get; init; }

    public required ImmutableArray<double> PreparedInterval { get; init; }
}
