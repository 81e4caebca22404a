using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>How the elements of a value lie: the ends of its range, which holds 0, their root mean square, and whether some were infinite or no numbers.</summary>
internal sealed record ValueSpread(double Min, double Max, double RootMeanSquare, bool IsFinite)
{
    public double Span => Max - Min;

    /// <summary>One of the steps that the range is divided into.</summary>
    public double StepOf(int levels) => Span / (levels - 1);

    /// <summary>What rounding to so many levels alone leaves, in decibels: errors are even over a step, which has the energy of a twelfth of its square.</summary>
    public double RoundingDb(int levels) => Energy.Decibels(Energy.Share(Math.Pow(StepOf(levels), 2) / 12, Math.Pow(RootMeanSquare, 2)));

    /// <summary>Of what was seen: null where that was nothing finite.</summary>
    /// <param name="calibrated">What is known of all samples; it may lack the mean square.</param>
    /// <param name="gathered">Of some samples, where that was looked for.</param>
    public static ValueSpread? Of(Observation? calibrated, TensorStatistics? gathered)
    {
        if ((calibrated?.RootMeanSquare ?? gathered?.Squares?.RootMeanSquare) is not { } rootMeanSquare || double.IsNaN(rootMeanSquare))
        {
            return null;
        }

        var seen = (calibrated is { Range.IsEmpty: false } ? calibrated.Range : gathered?.Range ?? TensorRange.Empty).IncludingZero();
        return new(seen.Min, seen.Max, rootMeanSquare, (calibrated?.NotFinite ?? gathered!.NotFinite) == 0);
    }

    /// <summary>Of a constant; null where none of its elements is finite.</summary>
    public static ValueSpread? Of(TensorData constant)
    {
        // Constants may be large: they are looked at where they lie.
        var (min, max, squares, count) = (0f, 0f, 0.0, 0L);
        foreach (var element in constant.AsSpan<float>())
        {
            if (float.IsFinite(element))
            {
                (min, max, squares, count) = (Math.Min(min, element), Math.Max(max, element), squares + ((double)element * element), count + 1);
            }
        }

        return count == 0 ? null : new(min, max, Math.Sqrt(squares / count), count == constant.ElementCount);
    }
}
