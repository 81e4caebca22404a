using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>Compares outputs with those of the float model, sample by sample, and sums up.</summary>
internal sealed class OutputJudge
{
    private readonly SampleRun _samples;
    private readonly Metric? _metric;
    private readonly TensorData[][] _reference;

    /// <param name="samples">The samples.</param>
    /// <param name="reference">The float outputs of each.</param>
    /// <param name="metricName">What samples with labels are judged by; null for what fits them.</param>
    public OutputJudge(SampleRun samples, TensorData[][] reference, string? metricName)
    {
        (_samples, _reference) = (samples, reference);
        var labels = samples.Samples.Select(sample => sample.Label).ToArray();
        if (labels.Length > 0 && labels.All(label => label is not null))
        {
            _metric = metricName is null ? Metrics.DefaultFor(true, labels.All(label => double.IsInteger(label!.Value)), reference[0][0].Dimensions) : Metrics.Find(metricName);
        }
    }

    public string? MetricName => _metric?.Name;

    /// <summary>The metric of the float model itself; null without labels.</summary>
    public double? Reference => _metric is null ? null : Enumerable.Range(0, _samples.Count).Average(sample => Score(sample, _reference[sample]));

    /// <summary>What is kept of one sample's outputs until all are there.</summary>
    public SampleErrors Compare(int sample, TensorData[]? outputs) => new(
        OutputSensitivity.EnergiesOf(_reference[sample], outputs),
        outputs is not null && ClassScores.Of(_reference[sample][0]) is { } expected && ClassScores.Of(outputs[0]) is { } actual ? ClassScores.Divergence(expected, actual) : null,
        outputs is null || _metric is null ? null : Score(sample, outputs));

    public static OutputErrors Sum(IReadOnlyList<SampleErrors> samples)
    {
        var share = Enumerable.Range(0, samples[0].Energies.Length).Max(output => OutputSensitivity.Share(samples.Select(sample => sample.Energies[output])));
        return new(Math.Min(Energy.Decibels(share), UnitError.Perfect), share, samples.Average(sample => sample.Divergence), samples.Average(sample => sample.Metric));
    }

    private double Score(int sample, TensorData[] outputs) => _metric!.Score(new(_reference[sample], outputs, _samples.Samples[sample].Label)).Quantized;
}

internal sealed record SampleErrors((double Noise, double Signal)[] Energies, double? Divergence, double? Metric);
