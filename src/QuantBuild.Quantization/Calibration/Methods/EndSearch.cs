namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>The cost of one end. Where it is not less than <paramref name="limit"/>, it may be given as infinite.</summary>
internal delegate double EndCost(int end, double limit);

/// <summary>The cost of a range of so many bins below and above 0. Where it is not less than <paramref name="limit"/>, it may be given as infinite.</summary>
internal delegate double RangeCost(int below, int above, double limit);

/// <summary>
/// Finds the two ends of a range, as whole bins below and above 0, at which a cost is smallest: one end is searched while the other stands,
/// in turns, until neither moves.
/// </summary>
internal static class EndSearch
{
    private const int MostTurns = 8;

    /// <param name="below">Bins in use below 0, where the search starts.</param>
    /// <param name="above">Bins in use above 0.</param>
    /// <param name="line">The best end for a cost of one end; the candidates run from 0 to the number given.</param>
    /// <param name="cost">The cost of a range of that many bins below and above 0; infinite where it is no candidate.</param>
    public static (int Below, int Above) Find(int below, int above, Func<int, EndCost, int> line, RangeCost cost)
    {
        var (low, high) = (below, above);
        for (var turn = 0; turn < MostTurns; turn++)
        {
            var (before, other) = (low, high);
            high = above == 0 ? 0 : line(above, (end, limit) => cost(before, end, limit));
            if (turn > 0 && high == other)
            {
                break;
            }

            var found = high;
            low = below == 0 ? 0 : line(below, (end, limit) => cost(end, found, limit));
            if (above == 0 || low == before)
            {
                break;
            }
        }

        return (low, high);
    }

    /// <summary>Tries every candidate; of equal ones the widest range wins.</summary>
    public static int Everywhere(int most, EndCost cost)
    {
        var (best, lowest) = (most, double.PositiveInfinity);
        for (var end = most; end >= 0; end--)
        {
            var value = cost(end, lowest);
            if (value < lowest)
            {
                (best, lowest) = (end, value);
            }
        }

        return best;
    }

    /// <summary>Tries candidates at even distances, then ever closer around the best of them.</summary>
    public static int CoarseToFine(int most, EndCost cost)
    {
        const int Candidates = 64;
        const int Refinement = 8;
        var (best, lowest) = (most, cost(most, double.PositiveInfinity));
        var (from, to) = (0, most);
        for (var step = Math.Max(1, most / Candidates); ; step = Math.Max(1, step / Refinement))
        {
            for (var end = to; end >= from; end -= step)
            {
                var value = cost(end, lowest);
                if (value < lowest)
                {
                    (best, lowest) = (end, value);
                }
            }

            if (step == 1)
            {
                return best;
            }

            (from, to) = (Math.Max(0, best - step), Math.Min(most, best + step));
        }
    }
}
