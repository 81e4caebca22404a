using System.Numerics;
using System.Runtime.CompilerServices;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// The divergence Σ p·ln(p/q) of a histogram clipped to a range (what lies outside counts in the outermost bins) from what the levels leave of
/// it: within a level every bin that held something holds the same. What a level adds is kept, so that a candidate costs one addition a level.
/// </summary>
/// <remarks>A model of few tensors calls this for a moment only, so that methods with loops are optimized from the first call on.</remarks>
internal sealed class ClippedDivergence
{
    /// <summary>What an empty level counts as where elements are clipped to it, which would otherwise diverge without bounds.</summary>
    private const double Smoothing = 1e-4;

    /// <summary>More than rounding takes from a divergence.</summary>
    private const double Tolerance = 1e-9;

    private readonly int _levels;
    private readonly int _levelBits;
    private readonly int _below;
    private readonly int _length;
    private readonly double[] _bins;
    private readonly double[] _counts;
    private readonly double[] _logarithms;
    private readonly int[] _used;

    /// <summary>Σ p·ln q of one level, by the number of its bins and then by its first bin. A number of bins is filled in when it is needed.</summary>
    private readonly double[] _ofLevels;
    private readonly bool[] _isFilled;

    /// <param name="histogram">What was seen.</param>
    /// <param name="levels">A power of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ClippedDivergence(Histogram histogram, int levels)
    {
        (_levels, _levelBits) = (levels, BitOperations.Log2((uint)levels));
        (_below, var above) = UsedBins.Of(histogram);
        _length = _below + above;
        _bins = new double[_length];
        _counts = new double[_length + 1];
        _logarithms = new double[_length + 1];
        _used = new int[_length + 1];
        _isFilled = new bool[(_length >> _levelBits) + 2];
        _ofLevels = new double[_isFilled.Length * _length];
        var bins = histogram.Bins.Slice(Histogram.BinsPerSide - _below, _length);
        for (var bin = 0; bin < bins.Length; bin++)
        {
            double count = bins[bin];
            _bins[bin] = count;
            _counts[bin + 1] = _counts[bin] + count;
            _logarithms[bin + 1] = _logarithms[bin] + TimesLogarithm(count);
            _used[bin + 1] = _used[bin] + (count > 0 ? 1 : 0);
        }
    }

    /// <summary>
    /// Of a range of so many bins below and above 0, no more than were used. Infinite where the range has fewer bins than levels, which would
    /// cost nothing however narrow it is, or holds nothing; and where what is clipped alone costs more than <paramref name="limit"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public double Of(int below, int above, double limit)
    {
        var (start, end) = (_below - below, _below + above);
        var (inside, total) = (_counts[end] - _counts[start], _counts[^1]);
        if (end - start < _levels || inside == 0)
        {
            return double.PositiveInfinity;
        }

        // Σ p·ln(p/q) of what was clipped, in the outermost bins
        var clipped = Clipped(start, start, start + ((end - start) >> _levelBits), _counts[start])
            + Clipped(end - 1, end - 1 - ((end - start - 1) >> _levelBits), end, total - _counts[end]);
        var normalization = TableLogarithm.Of(total / inside);

        // What the levels lose is never negative
        return (clipped / total) - normalization > limit + Tolerance
            ? double.PositiveInfinity
            : ((_logarithms[end] - _logarithms[start] - Cross(start, end) + clipped) / total) - normalization;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double TimesLogarithm(double count) => count > 0 ? count * TableLogarithm.Of(count) : 0;

    /// <summary>What elements add that are clipped to a bin, in the level from one bin to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Clipped(int bin, int from, int to, double count)
    {
        if (count == 0)
        {
            return 0;
        }

        var mean = _used[to] == _used[from] ? Smoothing : (_counts[to] - _counts[from]) / (_used[to] - _used[from]);
        return TimesLogarithm(_bins[bin] + count) - TimesLogarithm(_bins[bin]) - (count * TableLogarithm.Of(mean));
    }

    /// <summary>Σ p·ln q over the levels, whose bins are as many as the division allows: level k begins with bin ⌊k·bins / levels⌋ of the range.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Cross(int start, int end)
    {
        var (bins, shift) = (end - start, _levelBits);
        Fill(bins >> shift);
        Fill((bins >> shift) + 1);
        ref var ofLevels = ref _ofLevels[start];
        var (even, odd) = (0.0, 0.0);
        var from = 0;
        for (var level = 2; level <= _levels; level += 2)
        {
            var (middle, to) = (((level - 1) * bins) >> shift, (level * bins) >> shift);
            even += Unsafe.Add(ref ofLevels, ((middle - from) * _length) + from);
            odd += Unsafe.Add(ref ofLevels, ((to - middle) * _length) + middle);
            from = to;
        }

        return even + odd;
    }

    /// <summary>All levels of so many bins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Fill(int bins)
    {
        if (_isFilled[bins])
        {
            return;
        }

        _isFilled[bins] = true;
        for (var from = 0; from <= _length - bins; from++)
        {
            var count = _counts[from + bins] - _counts[from];
            _ofLevels[(bins * _length) + from] = count > 0 ? count * TableLogarithm.Of(count / (_used[from + bins] - _used[from])) : 0;
        }
    }
}
