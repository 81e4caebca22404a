using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>
/// Counts of elements in bins that are aligned to 0 and 2^<see cref="Exponent"/> wide. The exponent follows from the largest magnitude alone,
/// and where that grows, pairs of bins become one: what has been counted is the same for any order and any division of the elements.
/// </summary>
/// <remarks>
/// The bins lie in the order of the number line, the first positive one at <see cref="BinsPerSide"/>. Bins are closed at the side of 0; zeros
/// are counted apart, for they are exact under every scale.
/// </remarks>
internal sealed class Histogram
{
    /// <summary>A range of one sign takes at least half of these: four bins or more for each of 256 levels.</summary>
    public const int BinsPerSide = 2048;

    public const int BinCount = 2 * BinsPerSide;

    /// <summary>2¹²⁶ is the largest power of two whose reciprocal is a normal number; what is narrower is 0 to every quantizer.</summary>
    public const int SmallestExponent = -126;

    public const int LargestExponent = 117;

    private const int BinBits = 11;
    private readonly long[] _bins;

    public Histogram()
        : this(SmallestExponent, 0, new long[BinCount])
    {
    }

    /// <summary>Takes over the bins.</summary>
    public Histogram(int exponent, long zeros, long[] bins)
    {
        if (bins.Length != BinCount || exponent is < SmallestExponent or > LargestExponent)
        {
            throw new ArgumentException($"A histogram has {BinCount} bins and an exponent from {SmallestExponent} to {LargestExponent}.", nameof(bins));
        }

        (Exponent, Zeros, _bins) = (exponent, zeros, bins);
    }

    public int Exponent { get; private set; }

    public long Zeros { get; private set; }

    public ReadOnlySpan<long> Bins => _bins;

    /// <summary>All elements, zeros among them.</summary>
    public long Count => Zeros + _bins.Sum();

    public double BinWidth => Math.ScaleB(1.0, Exponent);

    public static int ExponentFor(float largestMagnitude) =>
        largestMagnitude == 0 ? SmallestExponent : Math.Max(SmallestExponent, Math.ILogB(largestMagnitude) + 1 - BinBits);

    /// <summary>Counts finite elements of which none is larger than <paramref name="largestMagnitude"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(ReadOnlySpan<float> elements, float largestMagnitude)
    {
        Widen(ExponentFor(largestMagnitude));
        var scale = MathF.ScaleB(1, -Exponent);
        foreach (var element in elements)
        {
            if (element == 0)
            {
                Zeros++;
            }
            else
            {
                _bins[HistogramCounter.BinOf(element, scale)]++;
            }
        }
    }

    /// <summary>Adds counts that were made elsewhere.</summary>
    public void Add(HistogramCounter counter)
    {
        Widen(counter.Exponent);
        Zeros += counter.Zeros;
        counter.AddTo(_bins, Exponent - counter.Exponent);
    }

    public void Add(Histogram other)
    {
        Widen(other.Exponent);
        Zeros += other.Zeros;
        if (other.Exponent == Exponent)
        {
            TensorPrimitives.Add(_bins, other._bins, _bins);
            return;
        }

        for (var bin = 0; bin < BinCount; bin++)
        {
            _bins[Coalesced(bin, Exponent - other.Exponent)] += other._bins[bin];
        }
    }

    public Histogram Copy() => new(Exponent, Zeros, [.. _bins]);

    /// <summary>The same counts in bins that are 2^<paramref name="exponent"/> wide, no narrower than these.</summary>
    public Histogram Coalesced(int exponent)
    {
        var copy = Copy();
        copy.Widen(exponent);
        return copy;
    }

    /// <summary>The bin that takes in <paramref name="bin"/> where bins are 2^<paramref name="shift"/> times as wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Coalesced(int bin, int shift) => BinsPerSide + ((bin - BinsPerSide) >> Math.Min(shift, 31));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Widen(int exponent)
    {
        if (exponent <= Exponent)
        {
            return;
        }

        var shift = exponent - Exponent;
        Exponent = exponent;

        // From 0 outwards, so that no bin is read after another was added to it
        for (var side = BinsPerSide; side < BinCount; side++)
        {
            Move(side, shift);
            Move(BinCount - 1 - side, shift);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Move(int bin, int shift)
    {
        var count = _bins[bin];
        _bins[bin] = 0;
        _bins[Coalesced(bin, shift)] += count;
    }
}
