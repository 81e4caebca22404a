using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The float model, the quantized one, and what that computes on the other kind of x64 processor; null where that is not asked or not known.</summary>
internal sealed record ComparedModels(InferenceModel Float, InferenceModel Quantized, MachinePrediction? OtherMachine);

/// <summary>Runs two models on the same samples as an application would: default optimizations, one thread.</summary>
internal static class AccuracyEvaluator
{
    /// <summary>Null where there is no sample, or the model has no floating-point output to compare.</summary>
    public static AccuracyReport? Compare(ComparedModels models, SampleRun samples, string? metricName, AccuracySource source)
    {
        var (reference, quantized, otherMachine) = models;
        var outputs = samples.Count == 0 ? [] : FloatOutputs(reference, samples);
        if (outputs.Length == 0)
        {
            return null;
        }

        var first = samples.Samples[0].Read();
        var labels = samples.Samples.Select(sample => sample.Label).ToArray();
        var metric = metricName is not null ? Metrics.Find(metricName) : Metrics.DefaultFor(
            labels.All(label => label is not null), labels.All(label => label is { } number && double.IsInteger(number)),
            reference.Run(first.Inputs, outputs)[0].Dimensions);
        RequireLabels(metric, samples);
        var scores = new (double Float, double Quantized)[samples.Count];
        var predicted = new double[samples.Count];
        samples.ForEach("Evaluating", (position, sample) =>
        {
            var outcome = new Outcome(reference.Run(sample.Inputs, outputs), quantized.Run(sample.Inputs, outputs), sample.Label);
            scores[position] = Score(metric, outcome, sample.Id);
            predicted[position] = otherMachine?.Run(sample.Inputs, outputs) is { } there
                ? Score(metric, outcome with { Quantized = there }, sample.Id).Quantized
                : scores[position].Quantized;
        });
        var (before, after) = (scores.Average(score => score.Float), scores.Average(score => score.Quantized));
        return new(metric.Name, before, after, metric.Drop(before, after), samples.Count)
        {
            Source = source,
            StandardError = StandardError([.. scores.Select(score => metric.Drop(score.Float, score.Quantized))]),
            ByMachine = otherMachine?.Describe(after, predicted.Average(), value => metric.Drop(before, value)) ?? ImmutableSortedDictionary<string, MachineAccuracy>.Empty,
        };
    }

    /// <summary>The outputs that can be compared, by what a run of the first sample gives.</summary>
    private static string[] FloatOutputs(InferenceModel model, SampleRun samples)
    {
        var names = model.OutputNames.ToArray();
        var floats = new List<string>();
        model.Run(samples.Samples[0].Read().Inputs, names, (index, type, _, bytes) =>
        {
            if ((type is ElementType.Float or ElementType.Double or ElementType.Float16) && !bytes.IsEmpty)
            {
                floats.Add(names[index]);
            }
        });
        return [.. floats];
    }

    private static double? StandardError(double[] drops)
    {
        var mean = drops.Average();
        return drops.Length < 2 ? null : Math.Sqrt(drops.Sum(drop => (drop - mean) * (drop - mean)) / (drops.Length - 1) / drops.Length);
    }

    private static void RequireLabels(Metric metric, SampleRun samples)
    {
        if (metric.NeedsLabel && samples.Samples.FirstOrDefault(sample => sample.Label is null) is { } sample)
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidLabel, $"{sample.Id}: the sample has no label, which metric {metric.Name} needs. Put it into a folder named after its class, into a manifest 'file,label', or choose a metric without labels: agreement, cosine, sqnr.");
        }
    }

    private static (double Float, double Quantized) Score(Metric metric, Outcome outcome, string id)
    {
        try
        {
            return metric.Score(outcome);
        }
        catch (QuantBuildException exception)
        {
            throw new QuantBuildException(exception.Code, $"{id}: {exception.Message}", exception);
        }
    }
}
