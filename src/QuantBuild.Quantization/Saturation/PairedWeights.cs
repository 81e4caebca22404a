using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>
/// Signed weights in the order in which ONNX Runtime's x64 kernels go through a sum, a row for each output channel: positions 0 and 1 are a pair, then
/// 2 and 3, and of an odd number the last stands alone. A matrix is summed along its rows; a convolution tap by tap, and within a tap along the
/// input channels of the group, whatever the layout of its tensors.
/// </summary>
internal sealed class PairedWeights
{
    private readonly sbyte[] _rows;

    private PairedWeights(int channels, int depth)
    {
        (Channels, Depth) = (channels, depth);
        Stride = (depth + PairedSum.Alignment - 1) / PairedSum.Alignment * PairedSum.Alignment;
        _rows = new sbyte[checked(channels * Stride)];
        Sums = new int[channels];
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
    public static PairedWeights OfMatrix(TensorData weights, bool isTransposed)
    {
        var (rows, columns) = ((int)weights.Dimensions[0], (int)weights.Dimensions[1]);
        var paired = isTransposed ? new PairedWeights(rows, columns) : new PairedWeights(columns, rows);
        var elements = weights.AsSpan<sbyte>();
        for (var channel = 0; channel < paired.Channels; channel++)
        {
            for (var term = 0; term < paired.Depth; term++)
            {
                paired.Set(channel, term, elements[isTransposed ? (channel * columns) + term : (term * columns) + channel]);
            }
        }

        return paired;
    }

    /// <param name="weights">[channels, input channels of a group, taps…].</param>
    public static PairedWeights OfKernels(TensorData weights)
    {
        var (channels, inputs) = ((int)weights.Dimensions[0], (int)weights.Dimensions[1]);
        var taps = weights.Dimensions.Skip(2).Aggregate(1, (product, length) => product * (int)length);
        var paired = new PairedWeights(channels, inputs * taps);
        var elements = weights.AsSpan<sbyte>();
        for (var i = 0; i < elements.Length; i++)
        {
            var (channel, input, tap) = (i / (inputs * taps), i / taps % inputs, i % taps);
            paired.Set(channel, (tap * inputs) + input, elements[i]);
        }

        return paired;
    }

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

    private void Set(int channel, int term, sbyte weight)
    {
        _rows[(channel * Stride) + term] = weight;
        Sums[channel] += weight;
    }
}
