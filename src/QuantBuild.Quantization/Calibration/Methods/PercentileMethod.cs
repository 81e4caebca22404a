using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// Keeps the given share of all elements and cuts half of the others off at each end. Within a bin the elements count as evenly spread.
/// </summary>
internal static class PercentileMethod
{
    public static TensorRange Choose(TensorStatistics statistics, RangeOptions options)
    {
        var histogram = statistics.Histogram!;
        var total = histogram.Zeros;
        foreach (var count in histogram.Bins)
        {
            total += count;
        }

        var cut = total * (1 - (options.Percentile / 100)) / 2;
        return new((float)End(histogram, cut, fromBelow: true), (float)End(histogram, cut, fromBelow: false));
    }

    /// <summary>The value beyond which <paramref name="cut"/> elements lie.</summary>
    private static double End(Histogram histogram, double cut, bool fromBelow)
    {
        var left = cut;
        for (var step = 0; step < Histogram.BinCount; step++)
        {
            if (step == Histogram.BinsPerSide)
            {
                // Half way lies 0
                left -= histogram.Zeros;
                if (left < 0)
                {
                    return 0;
                }
            }

            var bin = fromBelow ? step : Histogram.BinCount - 1 - step;
            var count = histogram.Bins[bin];
            if (count > left)
            {
                var share = left / count;
                return (bin - Histogram.BinsPerSide + (fromBelow ? share : 1 - share)) * histogram.BinWidth;
            }

            left -= count;
        }

        return 0;
    }
}
