using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>How far the counts of a histogram reach from 0, in bins.</summary>
internal static class UsedBins
{
    public static (int Below, int Above) Of(Histogram histogram)
    {
        var (first, last) = (histogram.Bins.IndexOfAnyExcept(0L), histogram.Bins.LastIndexOfAnyExcept(0L));
        return first < 0 ? (0, 0) : (Math.Max(Histogram.BinsPerSide - first, 0), Math.Max(last + 1 - Histogram.BinsPerSide, 0));
    }

    public static TensorRange Range((int Below, int Above) ends, Histogram histogram) =>
        new((float)(-ends.Below * histogram.BinWidth), (float)(ends.Above * histogram.BinWidth));
}
