using System.Numerics;
using System.Runtime.InteropServices;

namespace Digits.Training.Network;

/// <summary>Row-major matrices of floats.</summary>
internal static class Matrix
{
    private const int RowsAtOnce = 4;

    /// <summary>
    /// result[rows, columns] += left[rows, depth] · right[depth, columns]. Each element is a chain of fused multiply-adds in the
    /// order of the depth, whatever the width of the machine's vectors: another machine gets the same bits.
    /// </summary>
    public static void AddProduct(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> result, int depth)
    {
        var rows = left.Length / depth;
        var columns = right.Length / depth;
        var row = 0;
        for (; row + RowsAtOnce <= rows; row += RowsAtOnce)
        {
            AddFourRows(left.Slice(row * depth, RowsAtOnce * depth), right, result.Slice(row * columns, RowsAtOnce * columns), depth);
        }

        AddElements(left[(row * depth)..], right, result[(row * columns)..], depth, 0);
    }

    public static void Transpose(ReadOnlySpan<float> source, Span<float> target, int columns)
    {
        var rows = source.Length / columns;
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                target[(column * rows) + row] = source[(row * columns) + column];
            }
        }
    }

    private static void AddFourRows(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> result, int depth)
    {
        var columns = right.Length / depth;
        ref var b = ref MemoryMarshal.GetReference(right);
        ref var c = ref MemoryMarshal.GetReference(result);
        var column = 0;
        for (; column + Vector<float>.Count <= columns; column += Vector<float>.Count)
        {
            var first = Vector.LoadUnsafe(ref c, (nuint)column);
            var second = Vector.LoadUnsafe(ref c, (nuint)(column + columns));
            var third = Vector.LoadUnsafe(ref c, (nuint)(column + (2 * columns)));
            var fourth = Vector.LoadUnsafe(ref c, (nuint)(column + (3 * columns)));
            for (var k = 0; k < depth; k++)
            {
                var factor = Vector.LoadUnsafe(ref b, (nuint)((k * columns) + column));
                first = Vector.FusedMultiplyAdd(new Vector<float>(left[k]), factor, first);
                second = Vector.FusedMultiplyAdd(new Vector<float>(left[k + depth]), factor, second);
                third = Vector.FusedMultiplyAdd(new Vector<float>(left[k + (2 * depth)]), factor, third);
                fourth = Vector.FusedMultiplyAdd(new Vector<float>(left[k + (3 * depth)]), factor, fourth);
            }

            first.StoreUnsafe(ref c, (nuint)column);
            second.StoreUnsafe(ref c, (nuint)(column + columns));
            third.StoreUnsafe(ref c, (nuint)(column + (2 * columns)));
            fourth.StoreUnsafe(ref c, (nuint)(column + (3 * columns)));
        }

        AddElements(left, right, result, depth, column);
    }

    private static void AddElements(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> result, int depth, int fromColumn)
    {
        var columns = right.Length / depth;
        for (var row = 0; row < left.Length / depth; row++)
        {
            for (var column = fromColumn; column < columns; column++)
            {
                var sum = result[(row * columns) + column];
                for (var k = 0; k < depth; k++)
                {
                    sum = MathF.FusedMultiplyAdd(left[(row * depth) + k], right[(k * columns) + column], sum);
                }

                result[(row * columns) + column] = sum;
            }
        }
    }
}
