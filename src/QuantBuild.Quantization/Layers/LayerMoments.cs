using System.Numerics.Tensors;

namespace QuantBuild.Quantization.Layers;

/// <summary>
/// Second moments of the rows that a group of a layer multiplies its weights with, E[x·xᵀ], or covariances where a bias makes up for means. With a change d of
/// the weights of an output channel, d·H·dᵀ is the mean square of the change of its output.
/// </summary>
internal sealed class LayerMoments
{
    private readonly float[] _matrix;

    private LayerMoments(int size, float[] matrix, float[] means)
    {
        (Size, _matrix, Means) = (size, matrix, means);
    }

    /// <summary>Of each element, where the moments are covariances; 0 else.</summary>
    public float[] Means { get; }

    public int Size { get; }

    /// <summary>The moments of one element of a row with all.</summary>
    public ReadOnlySpan<float> this[int index] => _matrix.AsSpan(index * Size, Size);

    /// <param name="inputs">Of the layer.</param>
    /// <param name="group">Of its channels.</param>
    /// <param name="isTaken">Which samples count.</param>
    /// <param name="isCentred">True for covariances.</param>
    /// <returns>Null where there are no rows.</returns>
    public static LayerMoments? Of(LayerInputs inputs, int group, Func<int, bool> isTaken, bool isCentred)
    {
        var columns = inputs.Columns(group, isTaken);
        if (columns.Count == 0)
        {
            return null;
        }

        var (depth, count, elements) = (inputs.Geometry.Depth, columns.Count, columns.Columns);
        var means = new float[depth];
        for (var index = 0; isCentred && index < depth; index++)
        {
            var column = elements.AsSpan(index * count, count);
            means[index] = TensorPrimitives.Sum<float>(column) / count;
            TensorPrimitives.Subtract(column, means[index], column);
        }

        var matrix = new float[depth * depth];
        Parallel.For(0, depth, row =>
        {
            for (var other = 0; other <= row; other++)
            {
                matrix[(row * depth) + other] = TensorPrimitives.Dot<float>(elements.AsSpan(row * count, count), elements.AsSpan(other * count, count)) / count;
            }
        });
        Mirror(matrix, depth);
        return new(depth, matrix, means);
    }

    /// <summary>The moments of rows whose elements are multiplied with <paramref name="factors"/>.</summary>
    public LayerMoments Scale(ReadOnlySpan<float> factors)
    {
        var scaled = new float[_matrix.Length];
        for (var index = 0; index < Size; index++)
        {
            var row = scaled.AsSpan(index * Size, Size);
            TensorPrimitives.Multiply(this[index], factors, row);
            TensorPrimitives.Multiply(row, factors[index], row);
        }

        var means = new float[Size];
        TensorPrimitives.Multiply(Means, factors, means);
        return new(Size, scaled, means);
    }

    /// <summary>The mean of the diagonal.</summary>
    public double MeanEnergy => Enumerable.Range(0, Size).Average(index => (double)_matrix[(index * Size) + index]);

    private static void Mirror(float[] matrix, int size)
    {
        for (var row = 0; row < size; row++)
        {
            for (var other = row + 1; other < size; other++)
            {
                matrix[(row * size) + other] = matrix[(other * size) + row];
            }
        }
    }
}
