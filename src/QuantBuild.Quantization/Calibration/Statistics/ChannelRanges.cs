using System.Collections.Immutable;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>Where the channels of a tensor lie, and how many it has.</summary>
internal readonly record struct ChannelLayout(int Axis, int Count);

/// <summary>The range of each channel of a tensor over its finite elements; none where samples differ in the number of channels.</summary>
internal sealed record ChannelRanges(ImmutableArray<TensorRange> Ranges)
{
    /// <summary>The smallest and the largest of all samples do not depend on their order.</summary>
    public ChannelRanges MergedWith(ChannelRanges other) => Ranges.Length == other.Ranges.Length
        ? new([.. Ranges.Zip(other.Ranges, (one, another) => one.Union(another))])
        : new([]);

    /// <summary>The range of the whole tensor once its channels are divided; null where the channels are not known.</summary>
    /// <param name="factors">Powers of two, one for each channel: no bit is lost.</param>
    public TensorRange? Divided(IReadOnlyList<float> factors) => Ranges.Length != factors.Count ? null : Ranges.Zip(factors)
        .Aggregate(TensorRange.Empty, (union, channel) => union.Union(new(channel.First.Min / channel.Second, channel.First.Max / channel.Second)));
}
