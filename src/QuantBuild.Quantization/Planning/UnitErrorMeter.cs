using System.Collections.Immutable;
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
        var entered = Enumerable.Range(0, totals.GetLength(0)).Select(sample => totals[sample, shadow]).Where(total => total.Signal is not null && !total.Means.IsDefault).ToArray();
        var means = entered.Length == 0 ? [] : entered.Select(total => total.Means)
            .Aggregate((sum, next) => sum.Length == next.Length ? [.. sum.Zip(next, (one, other) => one + other)] : []);
        return new(entered.Sum(total => total.Signal!.Value), entered.Sum(total => total.Noise ?? 0), [.. means.Select(mean => mean / entered.Length)]);
    }

    private readonly record struct Total(double? Signal, double? Noise, ImmutableArray<double> Means);
}
