using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Saturation;

/// <summary>Signed weights in the order in which ONNX Runtime's x64 kernels pair them, a row for each output channel.</summary>
internal sealed class PairedWeights
{
    private readonly sbyte[] _rows;

    private PairedWeights(ReadOnlySpan<sbyte> weights, KernelOrder order)
    {
        (Channels, Depth) = (order.Channels, order.Depth);
        Stride = (Depth + PairedSum.Alignment - 1) / PairedSum.Alignment * PairedSum.Alignment;
        _rows = new sbyte[checked(Channels * Stride)];
        Sums = new int[Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            for (var term = 0; term < Depth; term++)
            {
                var weight = weights[order.IndexOf(channel, term)];
                _rows[(channel * Stride) + term] = weight;
                Sums[channel] += weight;
            }
        }
    }

    public int Channels { get; }

    /// <summary>The terms of a sum.</summary>
    public int Depth { get; }

    /// <summary>The same, filled up with zeros.</summary>
    public int Stride { get; }

    /// <summary>The weights of each channel added up: what a zero point of the activations is multiplied by.</summary>
    public int[] Sums { get; }

    public long PairCount => (long)Channels * (Depth / 2);

    /// <summary>True where some activations make a pair saturate.</summary>
    public bool CanSaturate => CountSaturating(byte.MinValue, byte.MaxValue) > 0;

    /// <param name="weights">[terms, channels], or [channels, terms] where <paramref name="isTransposed"/>.</param>
    /// <param name="isTransposed">As in transB of a Gemm.</param>
    public static PairedWeights OfMatrix(TensorData weights, bool isTransposed) => new(weights.AsSpan<sbyte>(), KernelOrder.Of(weights.Dimensions, isTransposed ? 0 : 1));

    /// <param name="weights">[channels, input channels of a group, taps…].</param>
    public static PairedWeights OfKernels(TensorData weights) => new(weights.AsSpan<sbyte>(), KernelOrder.Of(weights.Dimensions, 0));

    public ReadOnlySpan<sbyte> Row(int channel) => _rows.AsSpan(channel * Stride, Stride);

    /// <summary>How many pairs exceed 16 bits for some activations between <paramref name="low"/> and <paramref name="high"/>.</summary>
    public long CountSaturating(byte low, byte high)
    {
        var count = 0L;
        for (var i = 0; i < _rows.Length; i += 2)
        {
            var (first, second) = (_rows[i], _rows[i + 1]);
            var largest = (first * (first > 0 ? high : low)) + (second * (second > 0 ? high : low));
            var smallest = (first * (first > 0 ? low : high)) + (second * (second > 0 ? low : high));
            count += largest > short.MaxValue || smallest < short.MinValue ? 1 : 0;
        }

        return count;
    }
}
