using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>Compares outputs with those of the float model, sample by sample, and sums up.</summary>
internal sealed class OutputJudge
{
    private readonly SampleRun _samples;
    private readonly Metric? _metric;
    private readonly TensorData[][] _reference;
    private readonly int[] _compared;

    /// <param name="samples">The samples.</param>
    /// <param name="reference">The float outputs of each.</param>
    /// <param name="settings">The metric is the one that is set, else what fits labels; none where there are none.</param>
    /// <param name="needsMetric">Whether a metric that is set is to be an error where labels are missing, and not left out: in a build it is for the evaluation data.</param>
    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The metric that is set needs labels that are not there.</exception>
    public OutputJudge(SampleRun samples, TensorData[][] reference, QuantizationSettings settings, bool needsMetric)
    {
        (_samples, _reference) = (samples, reference);
        _compared = [.. reference[0].Index().Where(output => output.Item is { Type: ElementType.Float, ElementCount: > 0 }).Select(output => output.Index)];
        var isLabelled = samples.Samples.All(sample => sample.Label is not null);
        var canBeScored = settings.Metric is { } name ? needsMetric || isLabelled || !Metrics.Find(name).NeedsLabel : isLabelled;
        if (_compared.Length > 0 && canBeScored)
        {
            _metric = Metrics.For(settings, samples, Compared(reference[0]));
        }
    }

    public string? MetricName => _metric?.Name;

    /// <summary>The metric of the float model itself; null where there is no metric.</summary>
    public double? Reference => _metric is null ? null : _metric.Perfect ?? Enumerable.Range(0, _samples.Count).Average(sample => Score(sample, _reference[sample]));

    /// <summary>What is kept of one sample's outputs until all are there.</summary>
    public SampleErrors Compare(int sample, TensorData[]? outputs) => new(
        OutputSensitivity.EnergiesOf(_reference[sample], outputs),
        outputs is not null && ClassScores.Of(_reference[sample][0]) is { } expected && ClassScores.Of(outputs[0]) is { } actual ? ClassScores.Divergence(expected, actual) : null,
        outputs is null || _metric is null ? null : Score(sample, outputs));

    private double Score(int sample, TensorData[] outputs) => _metric!.Score(new(Compared(_reference[sample]), Compared(outputs), _samples.Samples[sample].Label));

    private TensorData[] Compared(TensorData[] outputs) => [.. _compared.Select(index => outputs[index])];
}

/// <param name="Energies">Of each output.</param>
/// <param name="Divergence">Of the class scores; null where the first output has none.</param>
/// <param name="Metric">Null without a metric.</param>
internal sealed record SampleErrors((double Noise, double Signal)[] Energies, double? Divergence, double? Metric);
