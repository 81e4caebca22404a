using System.Collections.Immutable;
using System.Globalization;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The table of metrics, and which of them fits.</summary>
internal static class Metrics
{
    /// <summary>A cosine of 0.995 and 20 dB both are noise with a hundredth of the signal's energy, an image's 40 dB a hundredth of that.</summary>
    public static ImmutableArray<Metric> All { get; } =
    [
        new("top1", true, outcome => Hit(outcome.Actual, outcome.Label)),
        new("mse", false, outcome => SquaredError(outcome.Actual, outcome.Label)),
        new("agreement", true, ClassAgreement.Of) { Perfect = 1, Sufficient = kind => kind == OutputKind.DenseScores ? 0.9 : 0.95 },
        new("cosine", true, outcome => outcome.Reference.Zip(outcome.Actual, Cosine).Min()) { Perfect = 1, Sufficient = _ => 0.995 },
        new("sqnr", true, outcome => outcome.Reference.Zip(outcome.Actual, Sqnr).Min()) { Perfect = UnitError.Perfect, Sufficient = kind => kind == OutputKind.Image ? 40 : 20 },
    ];

    /// <exception cref="QuantBuildException">There is no metric of that name.</exception>
    public static Metric Find(string name) =>
        All.FirstOrDefault(metric => string.Equals(metric.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new QuantBuildException(DiagnosticCodes.InvalidSetting, $"Metric is '{name}'; expected one of {string.Join(", ", All.Select(metric => metric.Name))}.");

    /// <summary>The metric that is set, or what fits labels, outputs and limits: labels judge where all samples have them, unless it is agreement alone that is limited.</summary>
    /// <exception cref="QuantBuildException">The metric that is set needs labels that are not there.</exception>
    public static Metric For(QuantizationSettings settings, SampleRun samples, IReadOnlyList<TensorData> outputs)
    {
        var labels = samples.Samples.Select(sample => sample.Label).ToArray();
        if (settings.Metric is { } name)
        {
            var metric = Find(name);
            RequireLabels(metric, samples);
            return metric;
        }

        return labels.All(label => label is not null) && !LimitsAgreementAlone(settings) && !AreManyNumbers(outputs[0])
            ? Find(labels.All(label => double.IsInteger(label!.Value)) && (outputs[0].ElementCount > 1 || ClassAxis.AreNumbers(outputs[0])) ? "top1" : "mse")
            : OfAgreement(settings, OutputKinds.Of(outputs));
    }

    /// <summary>True where a report's metric is not the one that it would have with these settings.</summary>
    public static bool IsOutdated(string name, QuantizationSettings settings) => settings.Metric is null
        && ((Find(name).NeedsLabel && LimitsAgreementAlone(settings)) || (name == "sqnr" && LimitsDrop(settings)));

    private static bool LimitsAgreementAlone(QuantizationSettings settings) => settings is { MinAgreement: not null, MaxAccuracyDrop: null };

    private static bool LimitsDrop(QuantizationSettings settings) => settings is { MinAgreement: null, MaxAccuracyDrop: not null };

    /// <summary>A limit on a drop means a share: the ratio of a perfect copy has no end to drop from.</summary>
    private static Metric OfAgreement(QuantizationSettings settings, OutputKind kind) => Find(kind switch
    {
        OutputKind.ClassScores or OutputKind.DenseScores => "agreement",
        OutputKind.Embedding => "cosine",
        _ => LimitsDrop(settings) ? "cosine" : "sqnr",
    });

    private static void RequireLabels(Metric metric, SampleRun samples)
    {
        if (metric.NeedsLabel && samples.Samples.FirstOrDefault(sample => sample.Label is null) is { } sample)
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidLabel, $"{sample.Id}: the sample has no label, which metric {metric.Name} needs. Put it into a folder named after its class, into a manifest 'file,label', or choose a metric without labels: agreement, cosine, sqnr.");
        }
    }

    private static double Hit(TensorData[] outputs, double? label)
    {
        var scores = outputs[0].ToFloats();
        if (ClassAxis.AreNumbers(outputs[0]))
        {
            return !AreManyNumbers(outputs[0]) ? scores[0] == label ? 1 : 0
                : throw new QuantBuildException(DiagnosticCodes.InvalidSetting, string.Create(CultureInfo.InvariantCulture, $"Metric=top1 holds one class against the label, and the model gives {scores.Length} integers. Set Metric=agreement, which compares them with the float model's."));
        }

        return label is { } number && number >= 0 && number < scores.Length && double.IsInteger(number)
            ? TensorPrimitives.IndexOfMax<float>(scores) == (int)number ? 1 : 0
            : throw new QuantBuildException(
                DiagnosticCodes.LabelOutOfRange,
                string.Create(CultureInfo.InvariantCulture, $"label {label} is out of range: the model has {scores.Length} classes, so that labels are integers from 0 to {scores.Length - 1}. Mend the label, or set Metric=mse if labels are numbers to predict."));
    }

    /// <summary>A map of classes, say, which one label says nothing of.</summary>
    private static bool AreManyNumbers(TensorData output) => ClassAxis.AreNumbers(output) && output.ElementCount != 1;

    private static double SquaredError(TensorData[] outputs, double? label) =>
        outputs[0].ToFloats().Average(value => Math.Pow(value - (label ?? 0), 2));

    private static double Cosine(TensorData reference, TensorData actual)
    {
        var (expected, got) = WithoutInfinities(reference.ToFloats(), actual.ToFloats());
        var norms = Math.Sqrt(SumOfSquares(expected) * SumOfSquares(got));
        return norms > 0 ? Dot(expected, got) / norms : SumOfSquares(expected) == SumOfSquares(got) ? 1 : 0;
    }

    private static double Sqnr(TensorData reference, TensorData actual)
    {
        var (expected, got) = (reference.ToFloats(), actual.ToFloats());
        return new UnitError(Energy.OfSignal(expected), Energy.OfDifference(expected, got), []).SqnrDb;
    }

    /// <summary>With zeros where both are the same infinity, as in scores that are masked with −∞.</summary>
    private static (float[] Expected, float[] Got) WithoutInfinities(float[] expected, float[] got)
    {
        for (var index = 0; index < Math.Min(expected.Length, got.Length); index++)
        {
            if (float.IsInfinity(expected[index]) && expected[index] == got[index])
            {
                (expected[index], got[index]) = (0, 0);
            }
        }

        return (expected, got);
    }

    private static double SumOfSquares(float[] values) => TensorPrimitives.SumOfSquares<float>(values);

    private static double Dot(float[] first, float[] second) => TensorPrimitives.Dot<float>(first, second);
}
