using System.Runtime.CompilerServices;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>The range whose quantization has the smallest expected squared error, of rounding and of clipping together. Both ends are searched.</summary>
internal static class MseMethod
{
    /// <summary>With levels closer than bins, the error of rounding is that of an even density.</summary>
    private const int MostExactLevels = 1024;

    public static TensorRange Choose(TensorStatistics statistics, RangeOptions options)
    {
        var histogram = statistics.Histogram!;
        var moments = new HistogramMoments(histogram);
        var (below, above) = UsedBins.Of(histogram);
        var ends = EndSearch.Find(below, above, EndSearch.CoarseToFine, (low, high, _) => Error(moments, low, high, options.Levels));
        return UsedBins.Range(ends, histogram);
    }

    /// <summary>The sum of squared errors, in bins², when the range from −low to high gets that many levels.</summary>
    internal static double Error(HistogramMoments moments, int low, int high, int levels)
    {
        if (low + high == 0)
        {
            return moments.Total.Squares;
        }

        var step = (low + high) / (double)(levels - 1);
        return levels > MostExactLevels ? EvenError(moments, low, high, step) : ExactError(moments, low, step, levels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double ExactError(HistogramMoments moments, int low, double step, int levels)
    {
        // The zero point is a level, as affine quantization has it
        var zeroPoint = Math.Round(low / step, MidpointRounding.ToEven);
        var (error, below) = (0.0, default(HistogramMoments.Moments));
        for (var index = 0; index < levels; index++)
        {
            var level = index - zeroPoint;
            var next = index == levels - 1 ? moments.Total : moments.Below((level + 0.5) * step);
            error += (next - below).ErrorAround(level * step);
            below = next;
        }

        return error;
    }

    private static double EvenError(HistogramMoments moments, int low, int high, double step)
    {
        var (clippedLow, inside) = (moments.Below(-low), moments.Below(high));
        return clippedLow.ErrorAround(-low) + (moments.Total - inside).ErrorAround(high) + ((inside - clippedLow).Count * step * step / 12);
    }
}
