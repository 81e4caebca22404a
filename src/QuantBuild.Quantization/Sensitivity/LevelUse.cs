using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>What a tensor's elements do with the integers that they are rounded to, as far as the bins of a histogram tell them apart.</summary>
internal static class LevelUse
{
    public static TensorAnalysis Of(string name, Histogram histogram, QuantizationParameters parameters)
    {
        double scale = parameters.Scale;
        var (lowest, highest) = (IntegerTypes.MinOf(parameters.Type), IntegerTypes.MaxOf(parameters.Type));
        var (min, max) = ((lowest - parameters.ZeroPoint) * scale, (highest - parameters.ZeroPoint) * scale);
        var used = new HashSet<int>();
        var (clipped, total) = (0L, histogram.Zeros);
        if (histogram.Zeros > 0)
        {
            used.Add(parameters.ZeroPoint);
        }

        for (var bin = 0; bin < Histogram.BinCount; bin++)
        {
            var count = histogram.Bins[bin];
            if (count == 0)
            {
                continue;
            }

            var middle = (bin - Histogram.BinsPerSide + 0.5) * histogram.BinWidth;
            total += count;
            clipped += middle < min - (scale / 2) || middle > max + (scale / 2) ? count : 0;
            used.Add((int)Math.Clamp(Math.Round(middle / scale, MidpointRounding.ToEven) + parameters.ZeroPoint, lowest, highest));
        }

        return new(name, min, max, total == 0 ? 0 : (double)clipped / total, parameters.Type.BitsPerElement() > 8 ? null : 1 - ((double)used.Count / (highest - lowest + 1)));
    }
}
