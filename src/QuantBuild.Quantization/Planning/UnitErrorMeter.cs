using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>Measures every unit's own error, all in one pass over the samples.</summary>
internal static class UnitErrorMeter
{
    /// <param name="model">The float model.</param>
    /// <param name="plan">Its units.</param>
    /// <param name="samples">To run it on.</param>
    /// <param name="restoring">As <see cref="UnitShadows"/> takes it.</param>
    public static ImmutableDictionary<QuantizedUnit, UnitError> Measure(
        Model model, QuantizationPlan plan, SampleRun samples, IReadOnlyDictionary<string, TensorData>? restoring = null)
    {
        var shadows = new UnitShadows(model, plan, restoring);
        return shadows.All.Count == 0 ? ImmutableDictionary<QuantizedUnit, UnitError>.Empty : Measure(shadows, samples);
    }

    /// <summary>
    /// The mean over all samples, where that of those that choose lessens the squared error of those that prove: subtracting μ takes μ·(2m − μ) from a channel whose mean there is m.
    /// </summary>
    /// <param name="samples">Their positions among all, and the mean error of each channel on each.</param>
    /// <returns>Nothing where they do not last, or where no sample proves.</returns>
    public static ImmutableArray<double> LastingMeans((int Position, ImmutableArray<double> Means)[] samples)
    {
        var (chosen, proved) = (Mean(samples.Where(sample => !RequestData.IsProving(sample.Position))), Mean(samples.Where(sample => RequestData.IsProving(sample.Position))));
        return chosen.Length == proved.Length && chosen.Zip(proved, (mean, actual) => mean * ((2 * actual) - mean)).Sum() > 0 ? Mean(samples) : [];
    }

    private static ImmutableDictionary<QuantizedUnit, UnitError> Measure(UnitShadows shadows, SampleRun samples)
    {
        Value[] values = [.. shadows.All.SelectMany(shadow => new[] { shadow.Exact, shadow.ProductError, shadow.Error }).OfType<Value>().Distinct()];
        var positions = values.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var products = shadows.All.Select(shadow => shadow.ProductError).OfType<Value>().Select(error => positions[error]).ToHashSet();
        var totals = new Total[samples.Count, shadows.All.Count];
        using var session = new ScopedModel(shadows.Model, values);
        samples.ForEach("Measuring layers", (sampleIndex, sample) =>
        {
            var sums = new ChannelSums[values.Length];
            var squares = new double?[values.Length];
            session.Run(sample.Inputs, (index, _, shape, bytes) =>
            {
                var elements = MemoryMarshal.Cast<byte, float>(bytes);
                if (products.Contains(index))
                {
                    sums[index] += ChannelSums.Of(elements, shape);
                }
                else
                {
                    squares[index] = (squares[index] ?? 0) + Energy.Of(elements);
                }
            });
            foreach (var (index, shadow) in shadows.All.Index())
            {
                totals[sampleIndex, index] = new(
                    squares[positions[shadow.Exact]], squares[positions[shadow.Error]], shadow.ProductError is { } error ? sums[positions[error]].Means : []);
            }
        });
        return shadows.All.Index().ToImmutableDictionary(entry => entry.Item.Unit, entry => Sum(totals, entry.Index));
    }

    /// <summary>Added up in the order of the samples that came to the unit, whichever thread was first.</summary>
    private static UnitError Sum(Total[,] totals, int shadow)
    {
        var entered = Enumerable.Range(0, totals.GetLength(0)).Select(sample => (Position: sample, Total: totals[sample, shadow]))
            .Where(entry => entry.Total.Signal is not null && !entry.Total.Means.IsDefault).ToArray();
        return new(entered.Sum(entry => entry.Total.Signal!.Value), entered.Sum(entry => entry.Total.Noise ?? 0), LastingMeans([.. entered.Select(entry => (entry.Position, entry.Total.Means))]));
    }

    /// <summary>Nothing of no samples, and of samples with different numbers of channels.</summary>
    private static ImmutableArray<double> Mean(IEnumerable<(int Position, ImmutableArray<double> Means)> samples)
    {
        ImmutableArray<double>[] means = [.. samples.Select(sample => sample.Means)];
        if (means.Length == 0 || means.Any(own => own.Length != means[0].Length))
        {
            return [];
        }

        var mean = new double[means[0].Length];
        foreach (var own in means)
        {
            TensorPrimitives.Add(mean, own.AsSpan(), mean);
        }

        TensorPrimitives.Divide(mean, means.Length, mean);
        return ImmutableCollectionsMarshal.AsImmutableArray(mean);
    }

    private readonly record struct Total(double? Signal, double? Noise, ImmutableArray<double> Means);
}
