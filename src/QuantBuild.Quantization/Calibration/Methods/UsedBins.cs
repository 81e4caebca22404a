using System.Runtime.CompilerServices;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>How far the counts of a histogram reach from 0, in bins.</summary>
internal static class UsedBins
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (int Below, int Above) Of(Histogram histogram)
    {
        var bins = histogram.Bins;
        var (first, last) = (0, Histogram.BinCount);
        while (first < Histogram.BinsPerSide && bins[first] == 0)
        {
            first++;
        }

        while (last > Histogram.BinsPerSide && bins[last - 1] == 0)
        {
            last--;
        }

        return (Histogram.BinsPerSide - first, last - Histogram.BinsPerSide);
    }

    public static TensorRange Range((int Below, int Above) ends, Histogram histogram) =>
        new((float)(-ends.Below * histogram.BinWidth), (float)(ends.Above * histogram.BinWidth));
}
