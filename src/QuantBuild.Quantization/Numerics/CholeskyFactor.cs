using System.Numerics.Tensors;

namespace QuantBuild.Quantization.Numerics;

/// <summary>The lower triangular L with L·Lᵀ = A, for a symmetric positive definite A; row by row.</summary>
internal sealed class CholeskyFactor
{
    /// <summary>So many rows of a thousand elements stay in a processor's cache.</summary>
    private const int BlockLength = 64;

    private readonly double[] _rows;

    private CholeskyFactor(int size, double[] rows)
    {
        (Size, _rows) = (size, rows);
    }

    public int Size { get; }

    /// <summary>A row up to the diagonal.</summary>
    public ReadOnlySpan<double> this[int row] => _rows.AsSpan(row * Size, row + 1);

    /// <summary>A row up to the diagonal, in single precision.</summary>
    public float[] RowOf(int row)
    {
        var elements = new float[row + 1];
        TensorPrimitives.ConvertTruncating<double, float>(this[row], elements);
        return elements;
    }

    /// <param name="size">Rows and columns.</param>
    /// <param name="element">A's element in a row and a column that is not larger.</param>
    /// <returns>Null where A is not positive definite to within rounding.</returns>
    public static CholeskyFactor? Of(int size, Func<int, int, double> element)
    {
        var factor = new CholeskyFactor(size, new double[size * size]);
        for (var start = 0; start < size; start += BlockLength)
        {
            // A block's own rows first; all rows below need no more than them and what they have themselves.
            var end = Math.Min(start + BlockLength, size);
            for (var row = start; row < end; row++)
            {
                factor.Fill(row, (start, row + 1), element);
                if (!(factor[row][row] > 0))
                {
                    return null;
                }
            }

            Parallel.For(end, size, row => factor.Fill(row, (start, end), element));
        }

        return factor;
    }

    /// <summary>Solves A·x = b in place.</summary>
    public void Solve(Span<double> vector)
    {
        for (var row = 0; row < Size; row++)
        {
            vector[row] = (vector[row] - TensorPrimitives.Dot(this[row][..row], vector[..row])) / this[row][row];
        }

        for (var row = Size - 1; row >= 0; row--)
        {
            vector[row] /= this[row][row];
            TensorPrimitives.MultiplyAdd(this[row][..row], -vector[row], vector[..row], vector[..row]);
        }
    }

    /// <summary>b·A⁻¹·bᵀ.</summary>
    public double InverseForm(ReadOnlySpan<double> vector)
    {
        Span<double> solved = stackalloc double[vector.Length];
        var sum = 0.0;
        for (var row = 0; row < Size; row++)
        {
            solved[row] = (vector[row] - TensorPrimitives.Dot(this[row][..row], solved[..row])) / this[row][row];
            sum += solved[row] * solved[row];
        }

        return sum;
    }

    /// <summary>A⁻¹, row by row.</summary>
    public double[] Invert()
    {
        var inverse = new double[Size * Size];
        Parallel.For(0, Size, index =>
        {
            var row = inverse.AsSpan(index * Size, Size);
            row[index] = 1;
            Solve(row);
        });
        return inverse;
    }

    private void Fill(int row, (int From, int To) columns, Func<int, int, double> element)
    {
        var own = _rows.AsSpan(row * Size, Size);
        for (var column = columns.From; column < columns.To; column++)
        {
            var other = _rows.AsSpan(column * Size, Size);
            var rest = element(row, column) - TensorPrimitives.Dot<double>(own[..column], other[..column]);
            own[column] = row == column ? Math.Sqrt(rest) : rest / other[column];
        }
    }
}
