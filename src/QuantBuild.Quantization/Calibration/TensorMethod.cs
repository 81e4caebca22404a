using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>What a method is asked for. <paramref name="Percentile"/> is the share of elements to keep, <paramref name="Levels"/> the number of quantized values.</summary>
internal sealed record RangeOptions(double Percentile, int Levels = RangeOptions.LevelsOfEightBits)
{
    public const int LevelsOfEightBits = 256;
}

/// <summary>
/// A method that looks at one tensor: what has to be gathered of it, and the range that follows. The statistics passed to
/// <paramref name="Choose"/> are of a tensor that had a finite element.
/// </summary>
internal sealed record TensorMethod(
    CalibrationMethodName Name, StatisticsKinds Needs, Func<TensorStatistics, RangeOptions, TensorRange> Choose)
{
    /// <summary>Never wider than what was seen, and empty where nothing was.</summary>
    public TensorRange RangeOf(TensorStatistics statistics, RangeOptions options)
    {
        if (statistics.Range.IsEmpty)
        {
            return statistics.Range;
        }

        var chosen = Choose(statistics, options);
        return new(Math.Max(chosen.Min, statistics.Range.Min), Math.Min(chosen.Max, statistics.Range.Max));
    }
}
