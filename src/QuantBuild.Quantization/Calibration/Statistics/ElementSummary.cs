using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>The smallest and the largest of some elements, their sum of squares, and whether there are NaN or infinities among them, in one pass over memory.</summary>
internal readonly record struct ElementSummary(TensorRange Range, double Squares, bool AllFinite)
{
    /// <summary>So many lie in the first-level cache while they are looked at twice.</summary>
    private const int BlockLength = 2048;

    private const int Magnitude = 0x7FFFFFFF;
    private const int Infinity = 0x7F800000;

    /// <summary>Where not all are finite, the rest is not to be used.</summary>
    public static ElementSummary Of(ReadOnlySpan<float> elements)
    {
        var summary = new ElementSummary(TensorRange.Empty, 0, true);
        for (var start = 0; start < elements.Length && summary.AllFinite; start += BlockLength)
        {
            var block = elements.Slice(start, Math.Min(BlockLength, elements.Length - start));
            var (range, areFinite) = Extremes(block);
            // All zeros: nothing to add, where Energy would go through them one by one in case they were too small to be squared as floats
            var squares = areFinite && range is not { Min: 0, Max: 0 } ? Energy.Of(block) : 0;
            summary = new(summary.Range.Union(range), summary.Squares + squares, areFinite);
        }

        return summary;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (TensorRange Range, bool AreFinite) Extremes(ReadOnlySpan<float> elements)
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
        return (new(low + 0f, high + 0f), largest < Infinity);
    }
}
