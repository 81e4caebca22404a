using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QuantBuild.Quantization.Saturation;

/// <summary>
/// A sum of products of unsigned activations and signed weights, as an x64 without VNNI computes it, and as all others do. The former (VPMADDUBSW)
/// adds the products of each even position and the next one in 16 bits, with saturation; what it adds after that is exact.
/// </summary>
internal readonly record struct PairedSum(int Saturated, int Exact)
{
    /// <summary>Rows are filled up with zeros to a multiple of this many elements.</summary>
    public const int Alignment = 32;

    public static PairedSum Of(ReadOnlySpan<byte> activations, ReadOnlySpan<sbyte> weights)
    {
        if (!Avx2.IsSupported)
        {
            return Portable(activations, weights);
        }

        var saturated = SaturatedOf(activations, weights, out var reachesLimit);
        // A pair at the limit may as well have got there without saturation: only then is the exact sum another question.
        return new(saturated, reachesLimit ? ExactOf(activations, weights) : saturated);
    }

    /// <summary>The same on any processor.</summary>
    public static PairedSum Portable(ReadOnlySpan<byte> activations, ReadOnlySpan<sbyte> weights)
    {
        var (saturated, exact) = (0, 0);
        for (var i = 0; i < activations.Length; i += 2)
        {
            var pair = (activations[i] * weights[i]) + (activations[i + 1] * weights[i + 1]);
            saturated += Math.Clamp(pair, short.MinValue, short.MaxValue);
            exact += pair;
        }

        return new(saturated, exact);
    }

    private static int SaturatedOf(ReadOnlySpan<byte> activations, ReadOnlySpan<sbyte> weights, out bool reachesLimit)
    {
        ref var activation = ref MemoryMarshal.GetReference(activations);
        ref var weight = ref MemoryMarshal.GetReference(weights);
        var (sums, magnitudes) = (Vector256<int>.Zero, Vector256<short>.Zero);
        for (nuint i = 0; i < (nuint)activations.Length; i += Alignment)
        {
            var pairs = Avx2.MultiplyAddAdjacent(Vector256.LoadUnsafe(ref activation, i), Vector256.LoadUnsafe(ref weight, i));
            sums += Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One);
            // −32,768 becomes 32,767 as well.
            magnitudes = Avx2.Max(magnitudes, pairs ^ (pairs >> 15));
        }

        reachesLimit = Vector256.EqualsAny(magnitudes, Vector256.Create(short.MaxValue));
        return Vector256.Sum(sums);
    }

    private static int ExactOf(ReadOnlySpan<byte> activations, ReadOnlySpan<sbyte> weights)
    {
        ref var activation = ref MemoryMarshal.GetReference(activations);
        ref var weight = ref MemoryMarshal.GetReference(weights);
        var sums = Vector256<int>.Zero;
        for (nuint i = 0; i < (nuint)activations.Length; i += Alignment / 2)
        {
            sums += Avx2.MultiplyAddAdjacent(
                Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref activation, i)), Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref weight, i)));
        }

        return Vector256.Sum(sums);
    }
}
