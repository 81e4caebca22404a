using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The float model, the quantized one, and what that computes on the other kind of x64 processor; null where that is not asked or not known.</summary>
internal sealed record ComparedModels(FloatReference Float, InferenceModel Quantized, MachinePrediction? OtherMachine);

/// <summary>Runs two models on the same samples as an application would: default optimizations, one thread.</summary>
internal static class AccuracyEvaluator
{
    public static AccuracyReport Compare(ComparedModels models, SampleRun samples, AccuracySource source)
    {
        var (reference, quantized, otherMachine) = models;
        var (metric, outputs) = (reference.Metric, reference.OutputNames);
        var scores = new (double Float, double Quantized)[samples.Count];
        var predicted = new double[samples.Count];
        samples.ForEach("Evaluating", (position, sample) =>
        {
            var (expected, score) = reference.Of(samples.Samples[position], sample);
            scores[position] = (score, reference.Score(sample, expected, quantized.Run(sample.Inputs, outputs)));
            predicted[position] = otherMachine?.Run(sample.Inputs, outputs) is { } there ? reference.Score(sample, expected, there) : scores[position].Quantized;
        });
        var (before, after) = (scores.Average(score => score.Float), scores.Average(score => score.Quantized));
        return new(metric.Name, before, after, metric.Drop(before, after), samples.Count)
        {
            Source = source,
            StandardError = StandardError([.. scores.Select(score => metric.Drop(score.Float, score.Quantized))]),
            SufficientAgreement = metric.Sufficient?.Invoke(reference.Kind),
            ByMachine = otherMachine?.Describe(after, predicted.Average(), value => metric.Drop(before, value)) ?? ImmutableSortedDictionary<string, MachineAccuracy>.Empty,
        };
    }

    private static double? StandardError(double[] drops)
    {
        var mean = drops.Average();
        return drops.Length < 2 ? null : Math.Sqrt(drops.Sum(drop => (drop - mean) * (drop - mean)) / (drops.Length - 1) / drops.Length);
    }
}
