using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>Where no limit is set nothing fails, but a loss is not passed over in silence.</summary>
internal static class AccuracyWarnings
{
    private const double UnlimitedDrop = 0.01;
    private const double LowestAgreement = 0.95;

    public static ImmutableArray<DiagnosticCode> Codes { get; } = [DiagnosticCodes.AccuracyDropped, DiagnosticCodes.AgreementLow];

    public static IEnumerable<Diagnostic> Of(QuantizationReport report, QuantizationSettings settings)
    {
        if (settings.MaxAccuracyDrop is not null || report.Accuracy is not { } accuracy)
        {
            yield break;
        }

        var judged = JudgedAccuracy.Of(accuracy);
        if (accuracy.Source == AccuracySource.EvaluationData && accuracy.Metric == "top1" && judged.Drop > UnlimitedDrop)
        {
            yield return new(
                DiagnosticCodes.AccuracyDropped,
                $"{report.Model}: {GateMessages.Change(accuracy, judged)}{(judged.Where.Length > 0 ? "," : "")} and no limit is set. Set MaxAccuracyDrop to gate the build.");
        }

        if (accuracy.Metric == "agreement" && judged.Quantized < LowestAgreement)
        {
            yield return new(DiagnosticCodes.AgreementLow, string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Model}: the quantized model agrees with the float model on {judged.Quantized:p1} of {accuracy.Samples} samples{judged.Where}, less than {LowestAgreement:p0}. Set EvaluationData with labels to measure what that costs."));
        }
    }
}
