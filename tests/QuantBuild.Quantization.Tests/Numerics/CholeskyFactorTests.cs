using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class CholeskyFactorTests
{
    /// <summary>150 is more than a block of rows, and no multiple of one.</summary>
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(150)]
    public void Of_PositiveDefinite_FactorTimesItsTransposeIsTheMatrix(int size)
    {
        var matrix = Gram(size, size + 5);

        var factor = CholeskyFactor.Of(size, (row, column) => matrix[row, column])!;

        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                var product = Enumerable.Range(0, column + 1).Sum(index => factor[row][index] * factor[column][index]);
                Assert.That(product, Is.EqualTo(matrix[row, column]).Within(1e-9 * size));
            }
        }
    }

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(150)]
    public void Solve_GivesWhatTheMatrixTakesToTheVector(int size)
    {
        var matrix = Gram(size, 2 * size);
        var random = new Random(3);
        double[] solution = [.. Enumerable.Range(0, size).Select(_ => random.NextDouble() - 0.5)];
        double[] vector = [.. Enumerable.Range(0, size).Select(row => Enumerable.Range(0, size).Sum(column => matrix[row, column] * solution[column]))];

        CholeskyFactor.Of(size, (row, column) => matrix[row, column])!.Solve(vector);

        for (var i = 0; i < size; i++)
        {
            Assert.That(vector[i], Is.EqualTo(solution[i]).Within(1e-7));
        }
    }

    [Test]
    public void Of_Indefinite_IsNull() => Assert.That(CholeskyFactor.Of(2, (row, column) => row == column ? 1 : 2), Is.Null);

    /// <summary>X·Xᵀ of a random X.</summary>
    private static double[,] Gram(int size, int count)
    {
        var random = new Random(size);
        var vectors = Enumerable.Range(0, size).Select(_ => Enumerable.Range(0, count).Select(_ => random.NextDouble() - 0.5).ToArray()).ToArray();
        var matrix = new double[size, size];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < size; column++)
            {
                matrix[row, column] = vectors[row].Zip(vectors[column], (first, second) => first * second).Sum();
            }
        }

        return matrix;
    }
}
