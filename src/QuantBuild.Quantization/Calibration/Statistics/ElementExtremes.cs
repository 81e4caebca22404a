using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>The smallest and the largest of some elements, and whether there are NaN or infinities among them, in one vectorised pass.</summary>
internal readonly record struct ElementExtremes(TensorRange Range, bool AllFinite)
{
    private const int Magnitude = 0x7FFFFFFF;
    private const int Infinity = 0x7F800000;

    /// <summary>Where not all are finite, the range is not to be used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ElementExtremes Of(ReadOnlySpan<float> elements)
    {
        var (low, high, largest) = (float.PositiveInfinity, float.NegativeInfinity, 0);
        var blocks = MemoryMarshal.Cast<float, Vector<float>>(elements);
        if (!blocks.IsEmpty)
        {
            var (lows, highs, magnitudes) = (blocks[0], blocks[0], Vector<int>.Zero);
            foreach (var block in blocks)
            {
                lows = Vector.MinNative(lows, block);
                highs = Vector.MaxNative(highs, block);
                // The bits of magnitudes are ordered as the magnitudes are, infinity and NaN last.
                magnitudes = Vector.Max(magnitudes, Vector.AsVectorInt32(block) & new Vector<int>(Magnitude));
            }

            for (var lane = 0; lane < Vector<float>.Count; lane++)
            {
                (low, high, largest) = (Math.Min(low, lows[lane]), Math.Max(high, highs[lane]), Math.Max(largest, magnitudes[lane]));
            }
        }

        foreach (var element in elements[(blocks.Length * Vector<float>.Count)..])
        {
            (low, high) = (Math.Min(low, element), Math.Max(high, element));
            largest = Math.Max(largest, BitConverter.SingleToInt32Bits(element) & Magnitude);
        }

        // Which of two zeros a vector unit takes for the smaller is its own affair.
        return new(new(low + 0f, high + 0f), largest < Infinity);
    }
}
