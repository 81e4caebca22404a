using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>Where no limit is set nothing fails, but a loss is not passed over in silence.</summary>
internal static class AccuracyWarnings
{
    /// <summary>A share of all samples, or of the float model's own error.</summary>
    private const double UnlimitedDrop = 0.01;

    public static ImmutableArray<DiagnosticCode> Codes { get; } = [DiagnosticCodes.AccuracyDropped, DiagnosticCodes.AgreementLow];

    public static IEnumerable<Diagnostic> Of(QuantizationReport report, QuantizationSettings settings)
    {
        if (AccuracyLimits.AreSet(settings) || report.Accuracy is not { } accuracy)
        {
            yield break;
        }

        var judged = JudgedAccuracy.Of(accuracy);
        if (Metrics.Find(accuracy.Metric) is { NeedsLabel: true } metric && judged.Drop > UnlimitedDrop * (metric.HigherIsBetter ? 1 : accuracy.Float))
        {
            yield return new(
                DiagnosticCodes.AccuracyDropped,
                $"{report.Model}: {GateMessages.Change(accuracy, judged)}{(judged.Where.Length > 0 ? "," : "")} and no limit is set. Set MaxAccuracyDrop to gate the build.");
        }

        if (accuracy.SufficientAgreement is { } sufficient && judged.Quantized < sufficient)
        {
            yield return new(DiagnosticCodes.AgreementLow, string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Model}: {Agreement(report, judged.Quantized)}{judged.Where}, less than {Value(accuracy.Metric, sufficient)}. Set EvaluationData with labels to measure what that costs, or MinAgreement to gate the build."));
        }
    }

    private static string Agreement(QuantizationReport report, double value)
    {
        var (metric, samples) = (report.Accuracy!.Metric, report.Accuracy.Samples);
        var measure = metric switch { "agreement" => "an agreement", "cosine" => "a cosine", _ => "a signal-to-noise ratio" };
        return $"the outputs of {GateMessages.ResultOf(report)} have {measure} of {Value(metric, value)} against those of the float model on {samples} samples";
    }

    private static string Value(string metric, double value) => metric switch
    {
        "agreement" => value.ToString("p1", CultureInfo.InvariantCulture),
        "sqnr" => value.ToString("0.0", CultureInfo.InvariantCulture) + " dB",
        _ => GateMessages.Score(value),
    };
}
