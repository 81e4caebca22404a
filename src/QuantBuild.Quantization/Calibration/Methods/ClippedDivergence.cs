using System.Runtime.CompilerServices;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// The divergence Σ p·ln(p/q) of a histogram clipped to a range (what lies outside counts in the outermost bins) from what the levels leave of
/// it: within a level every bin that held something holds the same. Running totals make each candidate as cheap as there are levels.
/// </summary>
internal sealed class ClippedDivergence
{
    /// <summary>What an empty level counts as where elements are clipped to it, which would otherwise diverge without bounds.</summary>
    private const double Smoothing = 1e-4;

    private readonly int _levels;
    private readonly long[] _bins;
    private readonly double[] _counts = new double[Histogram.BinCount + 1];
    private readonly double[] _logarithms = new double[Histogram.BinCount + 1];
    private readonly int[] _used = new int[Histogram.BinCount + 1];

    public ClippedDivergence(Histogram histogram, int levels)
    {
        _levels = levels;
        _bins = histogram.Bins.ToArray();
        for (var bin = 0; bin < Histogram.BinCount; bin++)
        {
            double count = _bins[bin];
            _counts[bin + 1] = _counts[bin] + count;
            _logarithms[bin + 1] = _logarithms[bin] + TimesLogarithm(count);
            _used[bin + 1] = _used[bin] + (count > 0 ? 1 : 0);
        }
    }

    /// <summary>Infinite where the range has fewer bins than levels, which would cost nothing however narrow it is, or holds nothing.</summary>
    public double Of(int below, int above)
    {
        var (start, end) = (Histogram.BinsPerSide - below, Histogram.BinsPerSide + above);
        var (inside, total) = (_counts[end] - _counts[start], _counts[^1]);
        if (end - start < _levels || inside == 0)
        {
            return double.PositiveInfinity;
        }

        var (clippedLow, clippedHigh) = (_counts[start], total - _counts[end]);
        var first = LogarithmOfMean(start, start + ((end - start) / _levels));
        var last = LogarithmOfMean(end - 1 - ((end - start - 1) / _levels), end);

        // Σ p·ln p and Σ p·ln q, with what was clipped in the outermost bins
        var own = _logarithms[end] - _logarithms[start] + Raised(start, clippedLow) + Raised(end - 1, clippedHigh);
        var cross = Cross(start, end) + (clippedLow > 0 ? clippedLow * first : 0) + (clippedHigh > 0 ? clippedHigh * last : 0);
        return ((own - cross) / total) - TableLogarithm.Of(total / inside);
    }

    private static double TimesLogarithm(double count) => count > 0 ? count * TableLogarithm.Of(count) : 0;

    private double Raised(int bin, double clipped) => clipped > 0 ? TimesLogarithm(_bins[bin] + clipped) - TimesLogarithm(_bins[bin]) : 0;

    private double LogarithmOfMean(int from, int to) =>
        _used[to] == _used[from] ? TableLogarithm.Of(Smoothing) : TableLogarithm.Of((_counts[to] - _counts[from]) / (_used[to] - _used[from]));

    /// <summary>Σ p·ln q over the levels, whose bins are as many as the division allows: level k ends before bin ⌊(k + 1)·bins / levels⌋.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Cross(int start, int end)
    {
        var (whole, rest) = Math.DivRem(end - start, _levels);
        var (sum, from, carry) = (0.0, start, 0);
        for (var level = 0; level < _levels; level++)
        {
            carry += rest;
            var to = from + whole;
            if (carry >= _levels)
            {
                carry -= _levels;
                to++;
            }

            var count = _counts[to] - _counts[from];
            if (count > 0)
            {
                sum += count * TableLogarithm.Of(count / (_used[to] - _used[from]));
            }

            from = to;
        }

        return sum;
    }
}
