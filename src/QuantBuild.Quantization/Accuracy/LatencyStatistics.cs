using System.Collections.Immutable;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>Milliseconds of one round: the median of a block of runs for each model.</summary>
internal readonly record struct BlockTimes(double Given, double Prepared, double Quantized);

/// <summary>
/// From block times to medians and speedups. A speedup is the median of the rounds' ratios, and its interval is that of a median by order
/// statistics: it supposes nothing about how the times are distributed.
/// </summary>
internal static class LatencyStatistics
{
    /// <summary>Below this the two ends of all rounds do not make a 95 % interval.</summary>
    public const int FewestRounds = 6;

    /// <summary>Rounds before which a narrow interval is not believed, and the ratio of its ends from which on it is narrow.</summary>
    private const int FewestToSettle = 15;
    private const double Narrow = 1.03;

    /// <summary>The ratio of the ends that does where the interval leaves no doubt about any limit.</summary>
    private const double NarrowEnough = 1.1;
    private const double OneSide = 0.025;

    public static ThreadLatencyReport Of(int threads, IReadOnlyList<BlockTimes> rounds)
    {
        var (speedup, interval) = Ratio(rounds.Select(round => round.Given / round.Quantized));
        var (preparedSpeedup, preparedInterval) = Ratio(rounds.Select(round => round.Prepared / round.Quantized));
        return new(threads, Median(rounds, round => round.Given), Median(rounds, round => round.Prepared), Median(rounds, round => round.Quantized))
        {
            Speedup = speedup,
            Interval = interval,
            PreparedSpeedup = preparedSpeedup,
            PreparedInterval = preparedInterval,
        };
    }

    /// <summary>True where more rounds would tell little more of either ratio.</summary>
    /// <param name="rounds">So far.</param>
    /// <param name="limits">Ratios that decide something: on which side of them a ratio lies has to be certain before less than a narrow interval will do. Empty where the ratio itself decides.</param>
    public static bool IsSettled(IReadOnlyList<BlockTimes> rounds, params ReadOnlySpan<double> limits)
    {
        if (rounds.Count < (limits.IsEmpty ? FewestToSettle : FewestRounds))
        {
            return false;
        }

        foreach (var interval in (ReadOnlySpan<ImmutableArray<double>>)[Ratio(rounds.Select(round => round.Given / round.Quantized)).Interval, Ratio(rounds.Select(round => round.Prepared / round.Quantized)).Interval])
        {
            var isNarrow = rounds.Count >= FewestToSettle && interval[1] <= Narrow * interval[0];
            if (!isNarrow && (limits.IsEmpty || interval[1] > NarrowEnough * interval[0] || HoldsAny(interval, limits)))
            {
                return false;
            }
        }

        return true;
    }

    public static double Median(IReadOnlyList<double> sorted) =>
        sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;

    private static double Median(IReadOnlyList<BlockTimes> rounds, Func<BlockTimes, double> time) => Median([.. rounds.Select(time).Order()]);

    /// <summary>The median, and the two order statistics between which the true one lies in 95 of 100 cases at least.</summary>
    private static (double Median, ImmutableArray<double> Interval) Ratio(IEnumerable<double> ratios)
    {
        var sorted = ratios.Order().ToArray();
        var cut = Cut(sorted.Length);
        return (Median(sorted), cut == 0 ? [0, double.PositiveInfinity] : [sorted[cut - 1], sorted[^cut]]);
    }

    /// <summary>The largest k for which fewer than k of so many values are on one side of the median with a probability of 2.5 % at most; 0 where there is none.</summary>
    private static int Cut(int count)
    {
        var (cut, term, sum) = (0, Math.Pow(0.5, count), 0.0);
        for (; cut < count; cut++)
        {
            sum += term;
            if (sum > OneSide)
            {
                break;
            }

            term *= (double)(count - cut) / (cut + 1);
        }

        return cut;
    }

    private static bool HoldsAny(ImmutableArray<double> interval, ReadOnlySpan<double> limits)
    {
        foreach (var limit in limits)
        {
            if (interval[0] <= limit && limit <= interval[1])
            {
                return true;
            }
        }

        return false;
    }
}
