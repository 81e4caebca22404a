using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class ScaledSumsTests
{
    /// <summary>Bit for bit, since what is chosen by the sums has to be the same on every machine; and nothing beside them changes.</summary>
    [Test]
    public void Add_EqualsOneProductAfterTheOther([Values(1, 7, 8, 9, 31, 64)] int length, [Values(0, 1, 5, 40)] int rows)
    {
        const int Reserve = 3;
        var random = new Random((length * 100) + rows);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
        var matrix = Numbers((rows * length) + 20);
        int[] starts = [.. Enumerable.Range(0, rows).Select(row => ((rows - 1 - row) * length) + (row % 20))];
        var factors = Numbers(rows * ScaledSums.Width);
        var sums = Numbers((length + Reserve) * ScaledSums.Width);
        var expected = sums.ToArray();
        for (var index = 0; index < ScaledSums.Width; index++)
        {
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < length; column++)
                {
                    var product = factors[(row * ScaledSums.Width) + index] * matrix[starts[row] + column];
                    expected[(index * (length + Reserve)) + column] += product;
                }
            }
        }

        ScaledSums.Add(matrix, starts, factors, sums, length + Reserve, length);

        Assert.That(sums.Select(BitConverter.SingleToInt32Bits), Is.EqualTo(expected.Select(BitConverter.SingleToInt32Bits)));
    }

    [Test]
    public void Add_RowBeyondTheMatrix_Throws() =>
        Assert.That(() => ScaledSums.Add(new float[8], [1], new float[ScaledSums.Width], new float[8 * ScaledSums.Width], 8, 8), Throws.InstanceOf<ArgumentOutOfRangeException>());
}
