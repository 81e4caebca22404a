using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Finds where a matrix product's input has channels that stand out, as behind a LayerNormalization or a GELU, and by how much they had better be divided.
/// With s = max|x|^α / max|w|^(1−α) for each channel (SmoothQuant, Xiao et al. 2022), α is the one with the least expected noise at the product:
/// Δx²/12·Σ(s·w)² from the input and Δw²/12·Σ(x/s)² from the weights. It is kept where the error falls on samples that it was not chosen on.
/// </summary>
internal static class ActivationSmoothing
{
    /// <summary>Less noise than this share of what there was, or it is not worth a multiplication.</summary>
    private const double WorthIt = 0.8;

    private const double LargestRatio = 1e3;

    /// <param name="model">The float model.</param>
    /// <param name="values">Inputs of products that are quantized dynamically.</param>
    /// <param name="form">How their weights are quantized.</param>
    /// <param name="samples">One half to choose on, one to check.</param>
    /// <returns>An entry for each value that is better divided.</returns>
    public static ImmutableDictionary<string, SmoothingScales> Find(Model model, IReadOnlyCollection<Value> values, ModelForm form, SampleRun samples)
    {
        var groups = values.Select(value => (Value: value, Products: Products(value))).Where(group => group.Products.Length > 0).ToArray();
        if (groups.Length == 0 || samples.Count < 2)
        {
            return ImmutableDictionary<string, SmoothingScales>.Empty;
        }

        var half = (samples.Count + 1) / 2;
        var statistics = ChannelStatistics.Gather(model, [.. groups.Select(group => group.Value)], _ => -1, samples.Take(half));
        var found = ImmutableDictionary.CreateBuilder<string, SmoothingScales>();
        foreach (var (value, products) in groups)
        {
            if (statistics.TryGetValue(value, out var channels) && Choose(channels, products, form) is { } scales)
            {
                found[value.Name] = scales;
            }
        }

        return Check(model, [.. groups.SelectMany(group => group.Products)], new(form, found.ToImmutable()), samples with { Samples = [.. samples.Samples.Skip(half)] });
    }

    /// <summary>Those that read the value as rows of a matrix: all of them share one division.</summary>
    private static QuantizedUnit[] Products(Value value) =>
    [
        .. value.Consumers.Where(use => use.Index == 0 && use.Node.Graph == value.Graph).Select(use => use.Node).Distinct()
            .Where(node => (node.Is("MatMul") || node.Is("Gemm")) && node.Int("transA", 0) == 0 && node.Input(1) is { IsConstant: true, Constant: { Rank: 2, Type: ElementType.Float } })
            .Select(node => QuantizedUnit.At(node, OperatorRules.Of(node)!, UnitForm.Dynamic, false)),
    ];

    private static SmoothingScales? Choose(ChannelStatistics channels, QuantizedUnit[] products, ModelForm form)
    {
        var weights = products.Select(unit => new WeightStatistics(unit.Node.Input(1)!.Constant!, unit.Rule.SumAxis(unit.Node), form.Weights.LargestMagnitude)).ToArray();
        if (weights.Any(weight => weight.Largest.Length != channels.Min.Length))
        {
            return null;
        }

        var without = Noise(channels, weights, Enumerable.Repeat(1f, channels.Min.Length).ToArray());
        var (best, noise, strength) = ((float[]?)null, without * WorthIt, 0.0);
        for (var alpha = 0.3; alpha < 0.96; alpha += 0.05)
        {
            var factors = Factors(channels, weights, alpha);
            if (Noise(channels, weights, factors) is var smoothed && smoothed < noise)
            {
                (best, noise, strength) = (factors, smoothed, alpha);
            }
        }

        return best is null ? null : new([.. best], strength);
    }

    /// <summary>Their geometric mean is 1; a channel without activations or weights stays as it is.</summary>
    private static float[] Factors(ChannelStatistics channels, WeightStatistics[] weights, double alpha)
    {
        var logarithms = Enumerable.Range(0, channels.Min.Length).Select(channel =>
        {
            double input = Math.Max(channels.Max[channel], -channels.Min[channel]);
            double weight = weights.Max(one => one.Largest[channel]);
            return input > 0 && weight > 0 ? (alpha * Math.Log(input)) - ((1 - alpha) * Math.Log(weight)) : double.NaN;
        }).ToArray();
        var mean = logarithms.Where(double.IsFinite).DefaultIfEmpty(0).Average();
        return Array.ConvertAll(logarithms, logarithm => double.IsFinite(logarithm) ? (float)Math.Clamp(Math.Exp(logarithm - mean), 1 / LargestRatio, LargestRatio) : 1f);
    }

    /// <summary>Expected, for each row of the input.</summary>
    private static double Noise(ChannelStatistics channels, WeightStatistics[] weights, float[] factors)
    {
        var (low, high, gain) = (0.0, 0.0, 0.0);
        var energies = new double[factors.Length];
        for (var channel = 0; channel < factors.Length; channel++)
        {
            double factor = factors[channel];
            (low, high) = (Math.Min(low, channels.Min[channel] / factor), Math.Max(high, channels.Max[channel] / factor));
            gain += factor * factor * weights.Sum(weight => weight.Squares[channel]);
            energies[channel] = channels.Squares[channel] / channels.Count / (factor * factor);
        }

        var step = (high - low) / byte.MaxValue;
        return (step * step / 12 * gain) + (energies.Sum() * weights.Sum(weight => weight.SquaredSteps(factors)) / 12);
    }

    /// <summary>Where the units of a value together have less noise than without.</summary>
    private static ImmutableDictionary<string, SmoothingScales> Check(Model model, ImmutableArray<QuantizedUnit> units, Candidate candidate, SampleRun samples)
    {
        if (candidate.Scales.IsEmpty)
        {
            return candidate.Scales;
        }

        ImmutableArray<QuantizedUnit> concerned = [.. units.Where(unit => candidate.Scales.ContainsKey(unit.Inputs[0].Name))];
        var plan = new QuantizationPlan(candidate.Form, ImmutableDictionary<string, QuantizationParameters>.Empty, concerned, null!);
        var (with, without) = (Noises(plan with { Smoothing = candidate.Scales }), Noises(plan));
        return candidate.Scales.Where(entry => with[entry.Key] < without[entry.Key]).ToImmutableDictionary();

        Dictionary<string, double> Noises(QuantizationPlan measured) => UnitErrorMeter.Measure(model, measured, samples)
            .GroupBy(entry => entry.Key.Inputs[0].Name).ToDictionary(group => group.Key, group => group.Sum(entry => entry.Value.Noise));
    }

    private sealed record Candidate(ModelForm Form, ImmutableDictionary<string, SmoothingScales> Scales);

    /// <summary>Of a matrix: for each row that is summed over the largest magnitude and the sum of squares.</summary>
    private sealed class WeightStatistics
    {
        private readonly TensorData _weights;
        private readonly int _sumAxis;
        private readonly int _largestMagnitude;

        public WeightStatistics(TensorData weights, int sumAxis, int largestMagnitude)
        {
            (_weights, _sumAxis, _largestMagnitude) = (weights, sumAxis, largestMagnitude);
            var elements = weights.AsSpan<float>();
            var columns = (int)weights.Dimensions[1];
            (Largest, Squares) = (new float[weights.Dimensions[sumAxis]], new double[weights.Dimensions[sumAxis]]);
            for (var i = 0; i < elements.Length; i++)
            {
                var row = sumAxis == 0 ? i / columns : i % columns;
                Largest[row] = Math.Max(Largest[row], Math.Abs(elements[i]));
                Squares[row] += (double)elements[i] * elements[i];
            }
        }

        public float[] Largest { get; }

        public double[] Squares { get; }

        /// <summary>Of the output channels, added up, after rows are multiplied.</summary>
        public double SquaredSteps(float[] factors)
        {
            var elements = _weights.AsSpan<float>();
            var columns = (int)_weights.Dimensions[1];
            var largest = new float[_weights.Dimensions[1 - _sumAxis]];
            Span<float> scaled = new float[columns];
            for (var row = 0; row < (int)_weights.Dimensions[0]; row++)
            {
                var source = elements.Slice(row * columns, columns);
                if (_sumAxis == 0)
                {
                    TensorPrimitives.Multiply(source, factors[row], scaled);
                    TensorPrimitives.MaxMagnitude(largest, scaled, largest);
                }
                else
                {
                    TensorPrimitives.Multiply(source, factors, scaled);
                    largest[row] = Math.Abs(TensorPrimitives.MaxMagnitude<float>(scaled));
                }
            }

            return TensorPrimitives.SumOfSquares<float>(largest) / ((double)_largestMagnitude * _largestMagnitude);
        }
    }
}
