using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// Adds rows of a matrix, each times a factor, to several sums at once, which stay in registers: a sum for itself is bound by memory. Every sum takes the rows
/// in their order and every product is rounded before it is added, so that all processors come to the same bits.
/// </summary>
internal static class ScaledSums
{
    /// <summary>The number of sums.</summary>
    public const int Width = 8;

    /// <summary>sums[k, j] += Σ factors[i, k] · matrix[starts[i] + j].</summary>
    /// <param name="matrix">Has the rows.</param>
    /// <param name="starts">Where each row begins.</param>
    /// <param name="factors">For each row, one for each sum.</param>
    /// <param name="sums">One after the other, <paramref name="stride"/> elements apart.</param>
    /// <param name="stride">At least the length.</param>
    /// <param name="length">Of the rows.</param>
    public static void Add(ReadOnlySpan<float> matrix, ReadOnlySpan<int> starts, ReadOnlySpan<float> factors, Span<float> sums, int stride, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(factors.Length, starts.Length * Width);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, length);
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, (stride * (Width - 1)) + length);
        foreach (var start in starts)
        {
            _ = matrix.Slice(start, length);
        }

        var whole = length - (length % Vector256<float>.Count);
        for (var column = 0; column < whole; column += Vector256<float>.Count)
        {
            AddVector(ref MemoryMarshal.GetReference(matrix), starts, ref MemoryMarshal.GetReference(factors), ref MemoryMarshal.GetReference(sums), (nuint)stride, (nuint)column);
        }

        for (var index = 0; index < Width; index++)
        {
            for (var column = whole; column < length; column++)
            {
                ref var sum = ref sums[(index * stride) + column];
                for (var row = 0; row < starts.Length; row++)
                {
                    sum += factors[(row * Width) + index] * matrix[starts[row] + column];
                }
            }
        }
    }

    private static void AddVector(ref float matrix, ReadOnlySpan<int> starts, ref float factors, ref float sums, nuint stride, nuint column)
    {
        var sum0 = Vector256.LoadUnsafe(ref sums, column);
        var sum1 = Vector256.LoadUnsafe(ref sums, stride + column);
        var sum2 = Vector256.LoadUnsafe(ref sums, (2 * stride) + column);
        var sum3 = Vector256.LoadUnsafe(ref sums, (3 * stride) + column);
        var sum4 = Vector256.LoadUnsafe(ref sums, (4 * stride) + column);
        var sum5 = Vector256.LoadUnsafe(ref sums, (5 * stride) + column);
        var sum6 = Vector256.LoadUnsafe(ref sums, (6 * stride) + column);
        var sum7 = Vector256.LoadUnsafe(ref sums, (7 * stride) + column);
        ref var factor = ref factors;
        foreach (var start in starts)
        {
            var row = Vector256.LoadUnsafe(ref matrix, (nuint)start + column);
            sum0 += row * Vector256.Create(factor);
            sum1 += row * Vector256.Create(Unsafe.Add(ref factor, 1));
            sum2 += row * Vector256.Create(Unsafe.Add(ref factor, 2));
            sum3 += row * Vector256.Create(Unsafe.Add(ref factor, 3));
            sum4 += row * Vector256.Create(Unsafe.Add(ref factor, 4));
            sum5 += row * Vector256.Create(Unsafe.Add(ref factor, 5));
            sum6 += row * Vector256.Create(Unsafe.Add(ref factor, 6));
            sum7 += row * Vector256.Create(Unsafe.Add(ref factor, 7));
            factor = ref Unsafe.Add(ref factor, Width);
        }

        sum0.StoreUnsafe(ref sums, column);
        sum1.StoreUnsafe(ref sums, stride + column);
        sum2.StoreUnsafe(ref sums, (2 * stride) + column);
        sum3.StoreUnsafe(ref sums, (3 * stride) + column);
        sum4.StoreUnsafe(ref sums, (4 * stride) + column);
        sum5.StoreUnsafe(ref sums, (5 * stride) + column);
        sum6.StoreUnsafe(ref sums, (6 * stride) + column);
        sum7.StoreUnsafe(ref sums, (7 * stride) + column);
    }
}
