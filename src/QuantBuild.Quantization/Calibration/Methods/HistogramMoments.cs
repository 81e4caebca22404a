using System.Runtime.CompilerServices;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// Integrals of 1, x and x² over the histogram's density, which is even within a bin, from the lowest bin to any point: two look-ups give
/// the exact squared error of a whole quantization level. Lengths are in bins; zeros are left out.
/// </summary>
internal sealed class HistogramMoments
{
    private readonly double[] _counts = new double[Histogram.BinCount];
    private readonly Moments[] _below = new Moments[Histogram.BinCount + 1];

    public HistogramMoments(Histogram histogram)
    {
        for (var bin = 0; bin < Histogram.BinCount; bin++)
        {
            _counts[bin] = histogram.Bins[bin];
            _below[bin + 1] = _below[bin] + Part(bin, 1);
        }
    }

    public Moments Total => _below[Histogram.BinCount];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Moments Below(double position)
    {
        var offset = Math.Clamp(position + Histogram.BinsPerSide, 0, Histogram.BinCount);
        var bin = (int)offset;
        return bin == Histogram.BinCount ? _below[bin] : _below[bin] + Part(bin, offset - bin);
    }

    /// <summary>The integrals over the first <paramref name="share"/> of a bin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Moments Part(int bin, double share)
    {
        var (count, start) = (_counts[bin], (double)(bin - Histogram.BinsPerSide));
        return new(
            count * share,
            count * share * (start + (share / 2)),
            count * share * ((start * start) + (start * share) + (share * share / 3)));
    }

    internal readonly record struct Moments(double Count, double Sum, double Squares)
    {
        public static Moments operator +(Moments left, Moments right) =>
            new(left.Count + right.Count, left.Sum + right.Sum, left.Squares + right.Squares);

        public static Moments operator -(Moments left, Moments right) =>
            new(left.Count - right.Count, left.Sum - right.Sum, left.Squares - right.Squares);

        /// <summary>The sum of (x − <paramref name="level"/>)².</summary>
        public double ErrorAround(double level) => Squares - (2 * level * Sum) + (level * level * Count);
    }
}
