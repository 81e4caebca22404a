using System.Collections.Immutable;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>
/// Time ≈ overhead · nodes + a · units + b · outputs, none of the three below 0, with the smallest sum of squared relative errors. Times below
/// the noise count as its share of it, and a measurement that lies far from the others weighs less than its square.
/// </summary>
internal sealed record CostFit(double Overhead, double PerUnit, double PerOutput)
{
    private const int Numbers = 3;

    /// <summary>Errors beyond it count as they are and not by their square, as Huber has it.</summary>
    private const double FarError = 0.3;

    private const int Turns = 30;

    public ImmutableArray<double> RelativeErrors { get; private init; } = [];

    public static CostFit Of(IReadOnlyCollection<Measurement> measured)
    {
        // Divided by the time, or by the noise where that is larger, errors are relative; a time below 0 shows how large the noise was
        Row[] rows = [.. measured.Select(measurement => Row.Of(measurement.Case.Between, measurement.Nanoseconds, Math.Max(Math.Abs(measurement.Nanoseconds), measurement.Noise)))];
        var best = LeastSquares(rows);
        for (var turn = 0; turn < Turns; turn++)
        {
            var numbers = best;
            best = LeastSquares([.. rows.Select(row => row.Times(Math.Sqrt(Math.Min(1, FarError / Math.Abs(row.Error(numbers))))))]);
        }

        return new(best[0], best[1], best[2]) { RelativeErrors = [.. rows.Select(row => row.Error(best))] };
    }

    private static double[] LeastSquares(Row[] rows) => Enumerable.Range(0, 1 << Numbers)
        .Select(set => Solve(rows, [.. Enumerable.Range(0, Numbers).Where(index => (set & (1 << index)) != 0)]))
        .OfType<double[]>()
        .Where(numbers => numbers.All(number => number >= 0))
        .MinBy(numbers => rows.Sum(row => Math.Pow(row.Error(numbers), 2)))!;

    /// <summary>The least squares of the columns in <paramref name="used"/> alone, 0 for the others; null where they depend on each other.</summary>
    private static double[]? Solve(Row[] rows, int[] used)
    {
        // Columns of one length, so that what counts as 0 does not depend on the unit
        double[] lengths = [.. used.Select(column => Math.Sqrt(rows.Sum(row => row.Work[column] * row.Work[column])))];
        if (lengths.Contains(0))
        {
            return null;
        }

        var matrix = new double[used.Length, used.Length + 1];
        for (var i = 0; i < used.Length; i++)
        {
            for (var j = 0; j < used.Length; j++)
            {
                matrix[i, j] = rows.Sum(row => row.Work[used[i]] * row.Work[used[j]]) / lengths[i] / lengths[j];
            }

            matrix[i, used.Length] = rows.Sum(row => row.Work[used[i]] * row.Time) / lengths[i];
        }

        if (!Eliminate(matrix, used.Length))
        {
            return null;
        }

        var numbers = new double[Numbers];
        for (var i = 0; i < used.Length; i++)
        {
            numbers[used[i]] = matrix[i, used.Length] / lengths[i];
        }

        return numbers;
    }

    /// <summary>Gauss and Jordan; the matrix is symmetric and positive, so that no rows have to change places.</summary>
    private static bool Eliminate(double[,] matrix, int size)
    {
        const double Dependent = 1e-9;
        for (var pivot = 0; pivot < size; pivot++)
        {
            if (matrix[pivot, pivot] < Dependent)
            {
                return false;
            }

            for (var column = size; column >= pivot; column--)
            {
                matrix[pivot, column] /= matrix[pivot, pivot];
            }

            for (var row = 0; row < size; row++)
            {
                for (var column = size; row != pivot && column >= pivot; column--)
                {
                    matrix[row, column] -= matrix[row, pivot] * matrix[pivot, column];
                }
            }
        }

        return true;
    }

    private sealed record Row(double[] Work, double Time)
    {
        public static Row Of(Work work, double time, double unit) => new([work.Nodes / unit, work.Units / unit, work.Outputs / unit], time / unit);

        public Row Times(double factor) => new([.. Work.Select(amount => amount * factor)], Time * factor);

        public double Error(double[] numbers) => Work.Zip(numbers, (amount, number) => amount * number).Sum() - Time;
    }
}
