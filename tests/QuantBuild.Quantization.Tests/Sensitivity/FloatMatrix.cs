using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Sensitivity;

/// <summary>A matrix and its rounding in plain loops, to hold what ONNX Runtime computes against.</summary>
internal sealed class FloatMatrix(int rows, int columns)
{
    private readonly float[,] _elements = new float[rows, columns];

    public int Rows => rows;

    public int Columns => columns;

    public float this[int row, int column] => _elements[row, column];

    public static FloatMatrix Of(TensorData tensor, int rows, int columns)
    {
        var elements = tensor.ToFloats();
        return Make(rows, columns, (row, column) => elements[(row * columns) + column]);
    }

    public FloatMatrix Times(FloatMatrix other) => Make(rows, other.Columns, (row, column) =>
    {
        var sum = 0.0;
        for (var i = 0; i < columns; i++)
        {
            sum += (double)this[row, i] * other[i, column];
        }

        return (float)sum;
    });

    public FloatMatrix Map(Func<float, float> function) => Make(rows, columns, (row, column) => function(this[row, column]));

    /// <summary>To 256 steps from the smallest to the largest value and back.</summary>
    public FloatMatrix RoundedToBytes(float min, float max)
    {
        var scale = (max - min) / 255.0;
        var zero = Math.Round(-min / scale);
        return Map(element => (float)((Math.Clamp(Math.Round(element / scale) + zero, 0, 255) - zero) * scale));
    }

    /// <summary>As <see cref="RoundedToBytes(float, float)"/>, over the range of its own elements and 0.</summary>
    public FloatMatrix RoundedToBytes() => RoundedToBytes(Math.Min(_elements.Cast<float>().Min(), 0), Math.Max(_elements.Cast<float>().Max(), 0));

    /// <summary>To −127…127 and back, each column, or each row, with a scale of its own.</summary>
    public FloatMatrix RoundedWeights(bool byRows) => Make(rows, columns, (row, column) =>
    {
        var largest = 0f;
        for (var i = 0; i < (byRows ? columns : rows); i++)
        {
            largest = Math.Max(largest, Math.Abs(byRows ? this[row, i] : this[i, column]));
        }

        var scale = largest / 127.0;
        return (float)(Math.Round(this[row, column] / scale) * scale);
    });

    public double EnergyOfDifference(FloatMatrix? other)
    {
        var sum = 0.0;
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                sum += Math.Pow((double)this[row, column] - (other?[row, column] ?? 0), 2);
            }
        }

        return sum;
    }

    private static FloatMatrix Make(int rows, int columns, Func<int, int, float> element)
    {
        var matrix = new FloatMatrix(rows, columns);
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                matrix._elements[row, column] = element(row, column);
            }
        }

        return matrix;
    }
}
