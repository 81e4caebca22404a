using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>Where the quantized model loses time against the prepared float model, and that for certain.</summary>
internal static class LatencyWarnings
{
    public static ImmutableArray<DiagnosticCode> Codes { get; } = [DiagnosticCodes.SlowerThanFloat];

    /// <summary>A model in which nothing was quantized is the prepared float model itself.</summary>
    public static IEnumerable<Diagnostic> Of(QuantizationReport report)
    {
        var isQuantized = report.Operators.IsEmpty || report.Operators.Any(row => row.Decision != OperatorDecision.Float);
        var slower = isQuantized ? report.Latency?.Threads.FirstOrDefault(row => row.PreparedInterval[1] < 1) : null;
        return slower is null ? [] : [new(DiagnosticCodes.SlowerThanFloat, string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Model}: on {slower.Threads} {(slower.Threads == 1 ? "thread" : "threads")} the quantized model is {slower.PreparedSpeedup:0.00} times as fast as the prepared float model (95 % interval {slower.PreparedInterval[0]:0.00} to {slower.PreparedInterval[1]:0.00}). Use quantbuild tune to find what is faster on this machine; set MinSpeedup to gate the build."))];
    }
}
