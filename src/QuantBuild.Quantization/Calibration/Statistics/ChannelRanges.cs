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

    /// <summary>The range of the whole tensor once its channels are lowered and then divided; null where the channels are not known.</summary>
    /// <param name="shifts">One for each channel; default for none.</param>
    /// <param name="divisors">Powers of two, so that no bit is lost, one for each channel; null for none.</param>
    public TensorRange? Changed(ImmutableArray<float> shifts, IReadOnlyList<float>? divisors)
    {
        return Ranges.Length != (divisors?.Count ?? shifts.Length) ? null : Ranges.Index()
            .Aggregate(TensorRange.Empty, (union, channel) => union.Union(new(End(channel.Item.Min, channel.Index), End(channel.Item.Max, channel.Index))));

        float End(float end, int channel) => (end - (shifts.IsDefault ? 0 : shifts[channel])) / (divisors?[channel] ?? 1);
    }
}
