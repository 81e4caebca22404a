using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// The range whose quantized distribution diverges least (Kullback and Leibler) from the distribution that was seen, clipped to it. Every bin is
/// a candidate for either end; zeros take no part.
/// </summary>
internal static class EntropyMethod
{
    /// <summary>More make no better range, and the search is quadratic in them.</summary>
    private const int MostBinsPerLevel = 8;

    public static TensorRange Choose(TensorStatistics statistics, RangeOptions options)
    {
        var histogram = statistics.Histogram!;
        var (below, above) = UsedBins.Of(histogram);
        if (below + above > options.Levels * MostBinsPerLevel)
        {
            histogram = histogram.Coalesced(histogram.Exponent + 1);
            (below, above) = UsedBins.Of(histogram);
        }

        if (below + above <= options.Levels)
        {
            return statistics.Range;
        }

        var divergence = new ClippedDivergence(histogram, options.Levels);
        var ends = EndSearch.Find(below, above, EndSearch.Everywhere, divergence.Of);
        return UsedBins.Range(ends, histogram);
    }
}
