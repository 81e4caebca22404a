using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>The range from the smallest to the largest element ever seen: nothing is clipped.</summary>
internal static class MinMaxMethod
{
    public static TensorRange Choose(TensorStatistics statistics) => statistics.Range;
}
