using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>The mean of the samples' smallest elements to the mean of their largest: one odd sample moves it little.</summary>
internal static class MeanMinMaxMethod
{
    public static TensorRange Choose(TensorStatistics statistics)
    {
        var ends = statistics.Ends!.Value;
        return new((float)ends.Mins.Mean(ends.Samples), (float)ends.Maxs.Mean(ends.Samples));
    }
}
