using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>A row of <see cref="Gates"/>: the limit that was set, if one was, and the value that it judges.</summary>
internal sealed record Gate(string Name, DiagnosticCode Code, Func<QuantizationSettings, double?> Limit, Func<QuantizationReport, double?> Value);

/// <summary>The table of gates, and the judgement of a report by them: of a new one or of one that was kept.</summary>
public static class Gates
{
    private const double UnlimitedDrop = 0.01;
    private const double LowestAgreement = 0.95;

    private static readonly ImmutableArray<Gate> All =
    [
        new("MaxAccuracyDrop", DiagnosticCodes.AccuracyGateFailed, settings => settings.MaxAccuracyDrop, report => report.Accuracy?.Drop),
    ];

    /// <summary>The report with its gates and its diagnostics made anew for these limits.</summary>
    public static QuantizationReport Judge(QuantizationReport report, QuantizationSettings settings)
    {
        var gates = All.Select(gate => (Gate: gate, Limit: gate.Limit(settings), Value: gate.Value(report)))
            .Where(entry => entry is { Limit: not null, Value: not null })
            .Select(entry => new GateReport(entry.Gate.Name, entry.Limit!.Value, entry.Value!.Value, entry.Value <= entry.Limit)).ToImmutableArray();
        var kept = report.Diagnostics.Where(diagnostic => !diagnostic.Code.Id.StartsWith("QB3", StringComparison.Ordinal));
        var judged = report with { Gates = gates };
        return judged with { Diagnostics = [.. kept, .. Failures(judged), .. Warnings(judged, settings)] };
    }

    private static IEnumerable<Diagnostic> Failures(QuantizationReport report) =>
        report.Gates.Where(gate => !gate.Passed).Select(gate => new Diagnostic(
            All.First(row => row.Name == gate.Name).Code,
            string.Create(CultureInfo.InvariantCulture, $"{Change(report)}, at most {gate.Limit:f4} allowed); most sensitive: {MostSensitive(report)}.")));

    private static IEnumerable<Diagnostic> Warnings(QuantizationReport report, QuantizationSettings settings)
    {
        if (settings.MaxAccuracyDrop is not null || report.Accuracy is not { } accuracy)
        {
            yield break;
        }

        if (accuracy.Source == AccuracySource.EvaluationData && accuracy.Metric is "top1" && accuracy.Drop > UnlimitedDrop)
        {
            yield return new(DiagnosticCodes.AccuracyDropped, $"{Change(report)}) and no limit is set; most sensitive: {MostSensitive(report)}. Set MaxAccuracyDrop to gate the build.");
        }

        if (accuracy.Metric == "agreement" && accuracy.Quantized < LowestAgreement)
        {
            yield return new(DiagnosticCodes.AgreementLow, string.Create(
                CultureInfo.InvariantCulture, $"{report.Model}: the quantized model agrees with the float model on {accuracy.Quantized:p1} of {accuracy.Samples} samples (less than {LowestAgreement:p0}); most sensitive: {MostSensitive(report)}. Set EvaluationData to measure what that costs."));
        }
    }

    private static string Change(QuantizationReport report)
    {
        var accuracy = report.Accuracy!;
        var verb = Metrics.Find(accuracy.Metric).HigherIsBetter ? "fell" : "rose";
        return string.Create(CultureInfo.InvariantCulture, $"{report.Model}: {accuracy.Metric} {verb} from {accuracy.Float:f4} to {accuracy.Quantized:f4} (drop {accuracy.Drop:f4}");
    }

    private static string MostSensitive(QuantizationReport report)
    {
        var worst = report.Operators.Where(row => row.SqnrDb is not null).OrderBy(row => row.SqnrDb).Take(3)
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Name} ({row.SqnrDb:f1} dB)")).ToArray();
        return worst.Length == 0 ? "no operator is INT8" : string.Join(", ", worst);
    }
}
