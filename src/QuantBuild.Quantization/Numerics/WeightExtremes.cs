using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>The largest weights of each sign, and the largest sums of two that may be added up in 16 bits; as magnitudes.</summary>
internal readonly record struct WeightExtremes(float Positive, float Negative, float PositivePair, float NegativePair)
{
    /// <summary>Of each group, any two of which may be a pair. In one pass from the first weight to the last: they may have to come from the disk.</summary>
    public static WeightExtremes[] Of(TensorData weights, Granularity granularity)
    {
        var extremes = new Largest[granularity.GroupCount(weights.Dimensions)];
        var elements = weights.AsSpan<float>();
        var group = granularity.GroupOf(weights.Dimensions);
        var run = granularity.RunLength(weights.Dimensions);
        for (var start = 0; start < elements.Length; start += run)
        {
            ref var entry = ref extremes[group(start)];
            foreach (var element in elements.Slice(start, run))
            {
                // Most weights are no extremes.
                entry = element > entry.SecondPositive ? entry.WithPositive(element) : -element > entry.SecondNegative ? entry.WithNegative(-element) : entry;
            }
        }

        return Array.ConvertAll(extremes, entry => new WeightExtremes(entry.Positive, entry.Negative, entry.Positive + entry.SecondPositive, entry.Negative + entry.SecondNegative));
    }

    /// <summary>Of each output channel, with the pairs that the kernels make.</summary>
    public static WeightExtremes[] OfKernelPairs(TensorData weights, KernelOrder order)
    {
        var extremes = new WeightExtremes[order.Channels];
        var elements = weights.AsSpan<float>();
        // Term by term, as matrices have them in memory; where a channel's weights lie together its kernels are small.
        for (var term = 0; term < order.Depth; term += 2)
        {
            for (var channel = 0; channel < order.Channels; channel++)
            {
                var first = elements[order.IndexOf(channel, term)];
                extremes[channel] = extremes[channel].With(first, term + 1 < order.Depth ? elements[order.IndexOf(channel, term + 1)] : 0);
            }
        }

        return extremes;
    }

    private WeightExtremes With(float first, float second)
    {
        var (positive, negative) = ((Math.Max(first, 0), Math.Max(second, 0)), (Math.Max(-first, 0), Math.Max(-second, 0)));
        return new(
            Math.Max(Positive, Math.Max(first, second)), Math.Max(Negative, Math.Max(-first, -second)),
            Math.Max(PositivePair, positive.Item1 + positive.Item2), Math.Max(NegativePair, negative.Item1 + negative.Item2));
    }

    private readonly record struct Largest(float Positive, float SecondPositive, float Negative, float SecondNegative)
    {
        public Largest WithPositive(float value) => this with { Positive = Math.Max(Positive, value), SecondPositive = Math.Min(Positive, value) };

        public Largest WithNegative(float value) => this with { Negative = Math.Max(Negative, value), SecondNegative = Math.Min(Negative, value) };
    }
}
