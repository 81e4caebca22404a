using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>How the numbers of a report read, the same in every form of it and in the tool's output.</summary>
public static class ReportText
{
    private static readonly string[] SizeUnits = ["bytes", "KiB", "MiB", "GiB"];

    public static string Bytes(long bytes)
    {
        var unit = 0;
        double amount = bytes;
        for (; amount >= 1024 && unit < SizeUnits.Length - 1; unit++)
        {
            amount /= 1024;
        }

        return $"{Number(amount, unit == 0 || amount >= 100 ? "0" : "0.0")} {SizeUnits[unit]}";
    }

    /// <summary>A metric's value: four decimals, or as many significant digits where that would show nothing.</summary>
    public static string Score(double value) =>
        value == 0 || Math.Abs(value) is >= 0.001 and < 1e6 ? Number(value, "0.0000") : Number(value, "0.###e+0");

    public static string Milliseconds(double value) => $"{Number(value, value < 0.1 ? "0.0000" : value < 10 ? "0.00" : "0.0")} ms";

    public static string Seconds(double value) => $"{Number(value, value < 10 ? "0.00" : "0.0")} s";

    public static string Decibels(double value) => $"{Number(value, "0.0")} dB";

    public static string Percent(double ratio) => $"{Number(100 * ratio, "0")} %";

    public static string Factor(double value) => $"{Number(value, "0.00")}×";

    /// <summary>How fast against float as given, with the 95 % interval where it is known. An interval that holds 1 gives no verdict.</summary>
    public static string Speedup(LatencyReport latency) => Speedup(latency.Speedup, latency.Interval);

    public static string Speedup(double speedup, ImmutableArray<double> interval) =>
        interval is not { IsDefault: false, Length: 2 } ? $"{Factor(speedup)} as fast"
        : interval[0] <= 1 && interval[1] >= 1 ? $"no certain difference ({Factor(interval[0])} to {Factor(interval[1])})"
        : $"{Factor(speedup)} as fast ({Factor(interval[0])} to {Factor(interval[1])})";

    /// <summary>Against the prepared float model; null where that was not measured.</summary>
    public static string? PreparedSpeedup(LatencyReport latency) =>
        latency.PreparedSpeedup is { } speedup ? Speedup(speedup, latency.PreparedInterval) : null;

    /// <summary>What was measured on more than one thread.</summary>
    public static IEnumerable<ThreadLatencyReport> ManyThreads(LatencyReport latency) =>
        latency.Threads.IsDefault ? [] : latency.Threads.Where(row => row.Threads > 1);

    /// <summary>At most what the user wrote: <c>0.01</c>, not <c>0.0100</c>.</summary>
    public static string Limit(double value) => Number(value, "0.######");

    /// <summary>The drop, with its standard error where there is one.</summary>
    public static string Drop(AccuracyReport accuracy) =>
        accuracy.StandardError is > 0 and var error ? $"{Score(accuracy.Drop)} ± {Score(error)}" : Score(accuracy.Drop);

    /// <summary>What was tried for a gate.</summary>
    public static string Search(SearchReport search) => search.Found
        ? $"{search.Evaluations} {Plural("candidate", search.Evaluations)} on {search.Samples} of the samples, drop there {Score(search.Drop)}; judged on the others"
        : $"{search.Evaluations} {Plural("candidate", search.Evaluations)} on {search.Samples} of the samples, and none passed";

    /// <summary>What was taken out before quantization, and what that alone costs.</summary>
    public static string Pruning(PruningReport pruning)
    {
        var parts = new List<string>();
        if (!pruning.Groups.IsEmpty)
        {
            parts.Add($"{pruning.Removed} of {pruning.Channels} channels, {Percent((double)pruning.Parameters / Math.Max(pruning.ParametersBefore, 1))} of the parameters left");
        }

        if (!pruning.Layers.IsEmpty)
        {
            parts.Add($"{Percent((double)pruning.Zeros / Math.Max(pruning.Parameters, 1))} of the parameters are 0, compressed {Bytes(pruning.CompressedFloatBytes)} → {Bytes(pruning.CompressedBytes)}");
        }

        if (pruning.Distillation is { } learned)
        {
            parts.Add(learned.Reason is { } reason ? $"nothing learned: {reason}" : $"outputs {SignalToNoise(learned.ErrorBefore)} → {SignalToNoise(learned.ErrorAfter)} in {learned.Epochs} {Plural("epoch", learned.Epochs)} of learning");
        }

        if (pruning.Accuracy is { } accuracy)
        {
            parts.Add($"{accuracy.Metric} in float {Score(accuracy.Quantized)} (drop {Drop(accuracy)})");
        }

        return string.Join("; ", parts);
    }

    public static string Samples(AccuracyReport accuracy) => accuracy.Source switch
    {
        AccuracySource.EvaluationData => $"{accuracy.Samples} evaluation {Plural("sample", accuracy.Samples)}",
        AccuracySource.HeldOutCalibrationData => $"{accuracy.Samples} held-out calibration {Plural("sample", accuracy.Samples)}",
        _ => $"{accuracy.Samples} calibration {Plural("sample", accuracy.Samples)}",
    };

    /// <summary><c>x64 with VNNI 0.9300, x64 without VNNI 0.0850 (predicted)</c>; empty where nothing is known of machines.</summary>
    public static string Machines(AccuracyReport accuracy) => string.Join(", ", accuracy.ByMachine.Select(entry =>
        $"{entry.Key} {Score(entry.Value.Quantized)}{(entry.Value.IsPredicted ? " (predicted)" : "")}"));

    public static string Plural(string noun, int count) => count == 1 ? noun : noun + "s";

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "not finite";

    /// <summary>Of noise as a share of the signal; what is nearer than floats are is 120 dB.</summary>
    private static string SignalToNoise(double share) => Decibels(-10 * Math.Log10(Math.Max(share, 1e-12)));
}
