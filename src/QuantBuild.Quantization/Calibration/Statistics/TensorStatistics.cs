using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>What was seen of one tensor: enough for every method that looks at one tensor alone.</summary>
/// <param name="Range">Over all finite elements.</param>
/// <param name="NotFinite">Elements that were NaN or infinite; they are in nothing else.</param>
/// <param name="Ends">Null where it was not gathered.</param>
/// <param name="Histogram">Null where it was not gathered.</param>
internal sealed record TensorStatistics(TensorRange Range, long NotFinite, SampleEnds? Ends, Histogram? Histogram)
{
    /// <summary>Null where they are not known.</summary>
    public SampleSquares? Squares { get; init; }

    /// <summary>The first sample among the data with such an element; null where there is none, and where the samples are not known any more, as in a calibration file.</summary>
    public SampleHandle? FirstNotFinite { get; init; }

    /// <summary>Null where it was not gathered.</summary>
    public ChannelRanges? Channels { get; init; }

    /// <summary>With the counts of a part of the samples; of the range's ends where that part has no finite element.</summary>
    public TensorStatistics WithCountsOf(TensorStatistics part, StatisticsKinds kinds)
    {
        if (part.Range.IsEmpty && !Range.IsEmpty)
        {
            var ends = new TensorObserver(kinds);
            ends.Observe([Range.Min, Range.Max], new());
            part = ends.Statistics;
        }

        return this with { Ends = part.Ends, Histogram = part.Histogram };
    }

    public TensorStatistics MergedWith(TensorStatistics other)
    {
        var histogram = Histogram is null || other.Histogram is null ? null : Histogram.Copy();
        histogram?.Add(other.Histogram!);
        return new(Range.Union(other.Range), NotFinite + other.NotFinite, Ends + other.Ends, histogram)
        {
            Channels = Channels is null || other.Channels is null ? null : Channels.MergedWith(other.Channels),
            Squares = Squares + other.Squares,
            FirstNotFinite = SampleHandle.First(FirstNotFinite, other.FirstNotFinite),
        };
    }
}
