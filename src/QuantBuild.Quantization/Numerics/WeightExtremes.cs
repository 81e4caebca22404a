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
        foreach (var run in granularity.Runs(weights.Dimensions))
        {
            for (var i = 0; i < run.Length; i++)
            {
                ref var entry = ref extremes[run.GroupOf(i)];
                var element = elements[run.Start + i];

                // Most weights are no extremes.
                if (element > entry.SecondPositive)
                {
                    entry = entry.WithPositive(element);
                }
                else if (-element > entry.SecondNegative)
                {
                    entry = entry.WithNegative(-element);
                }
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

    /// <summary>NaN is larger than nothing.</summary>
    private WeightExtremes With(float first, float second) => new(
        Larger(Larger(Positive, first), second),
        Larger(Larger(Negative, -first), -second),
        Larger(PositivePair, Larger(0, first) + Larger(0, second)),
        Larger(NegativePair, Larger(0, -first) + Larger(0, -second)));

    private static float Larger(float first, float second) => second > first ? second : first;

    private readonly record struct Largest(float Positive, float SecondPositive, float Negative, float SecondNegative)
    {
        public Largest WithPositive(float value) => this with { Positive = Math.Max(Positive, value), SecondPositive = Math.Min(Positive, value) };

        public Largest WithNegative(float value) => this with { Negative = Math.Max(Negative, value), SecondNegative = Math.Min(Negative, value) };
    }
}
