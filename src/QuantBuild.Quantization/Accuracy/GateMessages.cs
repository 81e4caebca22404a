using System.Globalization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>Failed gates in words.</summary>
public static class GateMessages
{
    private const int NamedOperators = 3;

    /// <summary><c>top1 fell from 0.9945 to 0.9712 (drop 0.0233, at most 0.0100 allowed); most sensitive: conv1 (12.3 dB)</c>.</summary>
    public static string AccuracyDrop(QuantizationReport report, double limit)
    {
        var accuracy = report.Accuracy ?? throw new ArgumentException("A gate on accuracy needs a report with accuracy.", nameof(report));
        var judged = JudgedAccuracy.Of(accuracy);
        return $"{Change(accuracy, judged)} (drop {Score(judged.Drop)}, at most {Score(limit)} allowed{Searched(report)}){MostSensitive(report)}";
    }

    /// <summary><c>cosine with the float model is 0.9712, at least 0.9900 asked for; most sensitive: conv1 (12.3 dB)</c>.</summary>
    public static string Agreement(QuantizationReport report, double limit)
    {
        var accuracy = report.Accuracy ?? throw new ArgumentException("A gate on agreement needs a report with accuracy.", nameof(report));
        var judged = JudgedAccuracy.Of(accuracy);
        return $"{accuracy.Metric} with the float model is {Score(judged.Quantized)}{judged.Where}, at least {Score(limit)} asked for{Searched(report)}{MostSensitive(report)}";
    }

    /// <summary><c>top1 fell from 0.9945 to 0.9712</c>, and on which machine where it is not the same on all.</summary>
    internal static string Change(AccuracyReport accuracy, JudgedAccuracy judged) =>
        $"{accuracy.Metric} {(judged.Quantized > accuracy.Float ? "rose" : "fell")} from {Score(accuracy.Float)} to {Score(judged.Quantized)}{judged.Where}";

    /// <summary><c>the quantized model is 1.42 times as fast as the float model (2.1 ms to 1.48 ms), at least 1.6 times asked for</c>.</summary>
    public static string Speedup(QuantizationReport report, double limit)
    {
        var latency = report.Latency ?? throw new ArgumentException("A gate on speed needs a report with latency.", nameof(report));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{ResultOf(report)} is {latency.Speedup:0.00} times as fast as the float model ({latency.FloatMs:0.0###} ms to {latency.QuantizedMs:0.0###} ms), at least {limit:0.##} times asked for{Fastest(report)}");
    }

    /// <summary>What the report is of: a model in which nothing is quantized is what pruning made of it.</summary>
    internal static string ResultOf(QuantizationReport report) =>
        report.Pruning is not null && report.Operators.All(row => row.Decision == OperatorDecision.Float) ? "the pruned model" : "the quantized model";

    /// <summary>Four decimals, or as many significant digits where that would show nothing.</summary>
    public static string Score(double value) => value == 0 || Math.Abs(value) is >= 0.001 and < 1e6
        ? value.ToString("0.0000", CultureInfo.InvariantCulture)
        : value.ToString("0.###e+0", CultureInfo.InvariantCulture);

    /// <summary>A search that succeeded and was not confirmed, or one that failed though speed was asked for as well; or why there was none.</summary>
    private static string Searched(QuantizationReport report) => report.Search switch
    {
        { Found: true } search => string.Create(CultureInfo.InvariantCulture, $"; the other half of the data, on which {search.Evaluations} candidates were tried, gave {Score(search.Drop)}"),
        { Evaluations: > 0, MinSpeedup: { } limit, PredictedSpeedup: { } speedup } search => string.Create(
            CultureInfo.InvariantCulture, $"; of {search.Evaluations} candidates the best on half of the data has a drop of {Score(search.Drop)} and is predicted to be {speedup:0.00} times as fast as the prepared float model, at least {limit:0.##} times asked for"),
        null when report.Operators.Any(row => row.Decision != OperatorDecision.Float) => NotSearched(report),
        _ => "",
    };

    /// <summary>What would have a search made.</summary>
    private static string NotSearched(QuantizationReport report) =>
        report.Settings.GetValueOrDefault("accuracyEffort") == nameof(AccuracyEffort.Fast) ? "; AccuracyEffort=Fast searches for nothing that keeps it, Balanced does"
        : report.Accuracy is { Source: AccuracySource.HeldOutCalibrationData, Samples: < GateSearch.FewestHeldOut and var samples }
            ? string.Create(CultureInfo.InvariantCulture, $"; nothing is searched on {samples} held-out samples, on {GateSearch.FewestHeldOut} or on EvaluationData it is")
        : report.Accuracy is { Source: AccuracySource.CalibrationData } ? "; nothing is searched on samples that calibration has seen, on EvaluationData it is"
        : "";

    /// <summary>Why there is nothing faster: what is would lose too much.</summary>
    private static string Fastest(QuantizationReport report) => report.Search is { Found: true, PredictedSpeedup: { } speedup } search
        ? string.Create(CultureInfo.InvariantCulture, $"; of {search.Evaluations} candidates it is the fastest by prediction ({speedup:0.00} times) that keeps the limit on accuracy (drop {Score(search.Drop)}, at most {Score(search.Limit)} allowed)")
        : "";

    private static string MostSensitive(QuantizationReport report)
    {
        var worst = report.Operators
            .Where(row => row.SqnrDb is { } ratio && double.IsFinite(ratio))
            .OrderBy(row => row.SqnrDb)
            .Take(NamedOperators)
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Name} ({row.SqnrDb:0.0} dB)"))
            .ToArray();
        return worst.Length == 0 ? "" : $"; most sensitive: {string.Join(", ", worst)}";
    }
}
