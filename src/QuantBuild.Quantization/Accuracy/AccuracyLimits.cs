using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The limits on accuracy that are set, as one: however it is expressed, it is a drop from the float model's own value.</summary>
internal static class AccuracyLimits
{
    public static bool AreSet(QuantizationSettings settings) => settings.MaxAccuracyDrop is not null || settings.MinAgreement is not null;

    /// <summary>The drop that all of them allow; null where none is set that the report's metric is subject to.</summary>
    public static double? AllowedDrop(QuantizationSettings settings, AccuracyReport accuracy)
    {
        var byAgreement = AgreementOf(accuracy) is null ? null : accuracy.Float - settings.MinAgreement;
        return settings.MaxAccuracyDrop is { } drop && byAgreement is { } other ? Math.Min(drop, other) : settings.MaxAccuracyDrop ?? byAgreement;
    }

    /// <summary>The value that <see cref="QuantizationSettings.MinAgreement"/> limits; null where labels judge.</summary>
    public static double? AgreementOf(AccuracyReport accuracy) => Metrics.Find(accuracy.Metric).NeedsLabel ? null : JudgedAccuracy.Of(accuracy).Quantized;
}
