using System.Numerics.Tensors;

namespace QuantBuild.Quantization.Numerics;

/// <summary>Sums of squares, in blocks that a float can add up; in double precision where a float cannot hold them.</summary>
internal static class Energy
{
    private const int BlockLength = 2048;

    /// <summary>Below it squares may have become denormal, or 0.</summary>
    private const float SmallestSum = 1e-30f;

    public static double Of(ReadOnlySpan<float> elements) => Of(elements, isSignal: false);

    /// <summary>Of what is finite: a score that is masked with −∞ is no signal, and NaN says nothing.</summary>
    public static double OfSignal(ReadOnlySpan<float> elements) => Of(elements, isSignal: true);

    private static double Of(ReadOnlySpan<float> elements, bool isSignal)
    {
        var sum = 0.0;
        for (var start = 0; start < elements.Length; start += BlockLength)
        {
            sum += OfBlock(elements.Slice(start, Math.Min(BlockLength, elements.Length - start)), isSignal);
        }

        return sum;
    }

    /// <summary>Of what the second differs from the first, which is expected: none where both are the same infinity, or NaN is expected; infinite where they have not the same length.</summary>
    public static double OfDifference(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        if (first.Length != second.Length)
        {
            return double.PositiveInfinity;
        }

        Span<float> difference = stackalloc float[BlockLength];
        var sum = 0.0;
        for (var start = 0; start < first.Length; start += BlockLength)
        {
            var length = Math.Min(BlockLength, first.Length - start);
            TensorPrimitives.Subtract(first.Slice(start, length), second.Slice(start, length), difference);
            var squares = TensorPrimitives.SumOfSquares<float>(difference[..length]);
            sum += float.IsNaN(squares) ? OfDifferences(first.Slice(start, length), second.Slice(start, length)) : OfBlock(difference[..length], isSignal: false);
        }

        return sum;
    }

    private static double OfDifferences(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        var sum = 0.0;
        for (var index = 0; index < first.Length; index++)
        {
            var difference = first[index] == second[index] || float.IsNaN(first[index]) ? 0 : (double)first[index] - second[index];
            sum += difference * difference;
        }

        return sum;
    }

    private static double OfBlock(ReadOnlySpan<float> block, bool isSignal)
    {
        var squares = TensorPrimitives.SumOfSquares(block);
        if (float.IsFinite(squares) && squares > SmallestSum)
        {
            return squares;
        }

        // Squares that leave the range of a float.
        var sum = 0.0;
        foreach (var element in block)
        {
            sum += isSignal && !float.IsFinite(element) ? 0 : (double)element * element;
        }

        return sum;
    }

    /// <summary>A share of noise that can be added up and compared: infinite where it is not a number.</summary>
    public static double Share(double noise, double signal) =>
        noise == 0 ? 0 : double.IsFinite(noise / signal) ? noise / signal : double.PositiveInfinity;

    /// <summary>Signal-to-noise ratio in decibels.</summary>
    public static double Decibels(double share) => -10 * Math.Log10(share);
}
