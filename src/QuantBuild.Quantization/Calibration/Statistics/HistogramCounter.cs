using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>
/// Counts the elements of one large tensor fast, for one thread, and hands the counts on. Four tables take turns, so that runs of equal
/// elements do not wait for one another. Of the tables no more is cleared and added up than the tensor's range takes. A block of elements is
/// measured and counted while it is in the first-level cache: a large tensor is read once.
/// </summary>
internal sealed class HistogramCounter
{
    /// <summary>Elements binned at a time, into indices that stay in the first-level cache.</summary>
    private const int BlockLength = 2048;

    /// <summary>Zeros have slots behind the bins, one for each lane of a vector: half of what comes out of a Relu is zeros.</summary>
    private const int ZeroSlot = Histogram.BinCount;

    private readonly uint[] _first = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly uint[] _second = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly uint[] _third = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly uint[] _fourth = new uint[Histogram.BinCount + Vector<int>.Count];
    private readonly int[] _slots = new int[BlockLength];

    public int Exponent { get; private set; }

    /// <summary>Of the elements that were counted.</summary>
    public TensorRange Range { get; private set; } = TensorRange.Empty;

    /// <summary>The sum of their squares.</summary>
    public double Squares { get; private set; }

    public long Zeros
    {
        get
        {
            var zeros = 0L;
            for (var slot = ZeroSlot; slot < _first.Length; slot++)
            {
                zeros += CountOf(slot);
            }

            return zeros;
        }
    }

    /// <summary>The bin of an element other than 0; <paramref name="scale"/> is the reciprocal of the bins' width, so the product is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BinOf(float element, float scale) =>
        Histogram.BinsPerSide + (int)(element * scale) + (BitConverter.SingleToInt32Bits(element) >> 31);

    private Range Bins
    {
        get
        {
            // Whole vectors
            var scale = MathF.ScaleB(1, -Exponent);
            var first = Range.Min == 0 || Range.IsEmpty ? Histogram.BinsPerSide : BinOf(Range.Min, scale);
            var end = Range.Max == 0 || Range.IsEmpty ? Histogram.BinsPerSide : BinOf(Range.Max, scale) + 1;
            return (first / Vector<uint>.Count * Vector<uint>.Count)..((end + Vector<uint>.Count - 1) / Vector<uint>.Count * Vector<uint>.Count);
        }
    }

    /// <summary>
    /// Forgets all, then counts elements in bins of that exponent. False where an element is not finite or lies beyond the bins: then there is
    /// nothing to hand on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryCount(ReadOnlySpan<float> elements, int exponent)
    {
        Forget();
        Exponent = exponent;
        var scale = MathF.ScaleB(1, -exponent);
        for (var start = 0; start < elements.Length; start += BlockLength)
        {
            var block = elements.Slice(start, Math.Min(BlockLength, elements.Length - start));
            var (range, squares, areFinite) = ElementSummary.Of(block);
            if (!areFinite || Histogram.ExponentFor(Math.Max(Math.Abs(range.Min), Math.Abs(range.Max))) > exponent)
            {
                return false;
            }

            (Range, Squares) = (Range.Union(range), Squares + squares);
            FindSlots(block, scale);
            Increment(block.Length);
        }

        return true;
    }

    /// <summary>Adds the counts to bins that are 2^<paramref name="shift"/> times as wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddTo(Span<long> bins, int shift)
    {
        var used = Bins;
        if (shift == 0)
        {
            AddTo(MemoryMarshal.Cast<long, Vector<long>>(bins[used]), used);
            return;
        }

        for (var bin = used.Start.Value; bin < used.End.Value; bin++)
        {
            bins[Histogram.Coalesced(bin, shift)] += CountOf(bin);
        }
    }

    private void Forget()
    {
        var used = Bins;
        foreach (var table in (ReadOnlySpan<uint[]>)[_first, _second, _third, _fourth])
        {
            table.AsSpan(used).Clear();
            table.AsSpan(ZeroSlot).Clear();
        }

        (Range, Squares) = (TensorRange.Empty, 0);
    }

    private long CountOf(int slot) => (long)_first[slot] + _second[slot] + _third[slot] + _fourth[slot];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddTo(Span<Vector<long>> bins, Range used)
    {
        var first = MemoryMarshal.Cast<uint, Vector<uint>>(_first.AsSpan(used));
        var second = MemoryMarshal.Cast<uint, Vector<uint>>(_second.AsSpan(used));
        var third = MemoryMarshal.Cast<uint, Vector<uint>>(_third.AsSpan(used));
        var fourth = MemoryMarshal.Cast<uint, Vector<uint>>(_fourth.AsSpan(used));
        for (var i = 0; i < first.Length; i++)
        {
            Vector.Widen(first[i] + second[i] + third[i] + fourth[i], out var lower, out var upper);
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
        ref var first = ref MemoryMarshal.GetArrayDataReference(_first);
        ref var second = ref MemoryMarshal.GetArrayDataReference(_second);
        ref var third = ref MemoryMarshal.GetArrayDataReference(_third);
        ref var fourth = ref MemoryMarshal.GetArrayDataReference(_fourth);
        var i = 0;
        for (; i + 3 < count; i += 4)
        {
            var (slot0, slot1, slot2, slot3) = (Unsafe.Add(ref slots, i), Unsafe.Add(ref slots, i + 1), Unsafe.Add(ref slots, i + 2), Unsafe.Add(ref slots, i + 3));
            Unsafe.Add(ref first, (nint)(uint)slot0)++;
            Unsafe.Add(ref second, (nint)(uint)slot1)++;
            Unsafe.Add(ref third, (nint)(uint)slot2)++;
            Unsafe.Add(ref fourth, (nint)(uint)slot3)++;
        }

        for (; i < count; i++)
        {
            Unsafe.Add(ref first, Unsafe.Add(ref slots, i))++;
        }
    }
}
