using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>
/// Counts the elements of one large tensor fast, for one thread, and hands the counts on. Two tables take turns, so that runs of equal
/// elements do not wait for one another.
/// </summary>
internal sealed class HistogramCounter
{
    /// <summary>Elements binned at a time, into indices that stay in the first-level cache.</summary>
    private const int BlockLength = 1024;

    /// <summary>Zeros have slots behind the bins, one for each lane of a vector: half of what comes out of a Relu is zeros.</summary>
    private const int ZeroSlot = Histogram.BinCount;

    private readonly uint[] _even = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly uint[] _odd = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly int[] _slots = new int[BlockLength];

    public int Exponent { get; private set; }

    public long Zeros
    {
        get
        {
            var zeros = 0L;
            for (var lane = 0; lane < Vector<int>.Count; lane++)
            {
                zeros += (long)_even[ZeroSlot + lane] + _odd[ZeroSlot + lane];
            }

            return zeros;
        }
    }

    /// <summary>The bin of an element other than 0; <paramref name="scale"/> is the reciprocal of the bins' width, so the product is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BinOf(float element, float scale) =>
        Histogram.BinsPerSide + (int)(element * scale) + (BitConverter.SingleToInt32Bits(element) >> 31);

    /// <summary>Forgets all, then counts finite elements, none of which may be larger than the bins of that exponent reach.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Count(ReadOnlySpan<float> elements, int exponent)
    {
        Array.Clear(_even);
        Array.Clear(_odd);
        Exponent = exponent;
        var scale = MathF.ScaleB(1, -exponent);
        for (var start = 0; start < elements.Length; start += BlockLength)
        {
            var block = elements.Slice(start, Math.Min(BlockLength, elements.Length - start));
            FindSlots(block, scale);
            Increment(block.Length);
        }
    }

    /// <summary>Adds the counts to bins that are 2^<paramref name="shift"/> times as wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddTo(Span<long> bins, int shift)
    {
        if (shift == 0)
        {
            AddTo(MemoryMarshal.Cast<long, Vector<long>>(bins[..Histogram.BinCount]));
            return;
        }

        for (var bin = 0; bin < Histogram.BinCount; bin++)
        {
            bins[Histogram.Coalesced(bin, shift)] += _even[bin] + (long)_odd[bin];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddTo(Span<Vector<long>> bins)
    {
        var even = MemoryMarshal.Cast<uint, Vector<uint>>(_even.AsSpan(0, Histogram.BinCount));
        var odd = MemoryMarshal.Cast<uint, Vector<uint>>(_odd.AsSpan(0, Histogram.BinCount));
        for (var i = 0; i < even.Length; i++)
        {
            Vector.Widen(even[i] + odd[i], out var lower, out var upper);
            bins[2 * i] += Vector.AsVectorInt64(lower);
            bins[(2 * i) + 1] += Vector.AsVectorInt64(upper);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindSlots(ReadOnlySpan<float> block, float scale)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(block);
        var slots = MemoryMarshal.Cast<int, Vector<int>>(_slots.AsSpan());
        for (var i = 0; i < vectors.Length; i++)
        {
            var elements = vectors[i];
            var bins = Vector.ConvertToInt32Native(elements * scale) + Vector.ShiftRightArithmetic(Vector.AsVectorInt32(elements), 31) + new Vector<int>(Histogram.BinsPerSide);
            slots[i] = Vector.ConditionalSelect(Vector.Equals(elements, Vector<float>.Zero), new Vector<int>(ZeroSlot) + Vector<int>.Indices, bins);
        }

        for (var i = vectors.Length * Vector<float>.Count; i < block.Length; i++)
        {
            _slots[i] = block[i] == 0 ? ZeroSlot : BinOf(block[i], scale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Increment(int count)
    {
        ref var slots = ref MemoryMarshal.GetArrayDataReference(_slots);
        ref var even = ref MemoryMarshal.GetArrayDataReference(_even);
        ref var odd = ref MemoryMarshal.GetArrayDataReference(_odd);
        var i = 0;
        for (; i + 3 < count; i += 4)
        {
            var (first, second, third, fourth) = (Unsafe.Add(ref slots, i), Unsafe.Add(ref slots, i + 1), Unsafe.Add(ref slots, i + 2), Unsafe.Add(ref slots, i + 3));
            Unsafe.Add(ref even, (nint)(uint)first)++;
            Unsafe.Add(ref odd, (nint)(uint)second)++;
            Unsafe.Add(ref even, (nint)(uint)third)++;
            Unsafe.Add(ref odd, (nint)(uint)fourth)++;
        }

        for (; i < count; i++)
        {
            Unsafe.Add(ref even, Unsafe.Add(ref slots, i))++;
        }
    }
}
