using System.Collections.Immutable;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// Where the weights of a sum lie, in the order in which ONNX Runtime's x64 kernels go through it: positions 0 and 1 are a pair, then 2 and 3, and of an odd
/// number the last stands alone. A matrix is summed along its rows; a convolution tap by tap, and within a tap along the input channels of the group, whatever
/// the layout of its tensors.
/// </summary>
internal sealed class KernelOrder
{
    private readonly int _stride;
    private readonly int[] _offsets;

    private KernelOrder(int channels, int stride, int[] offsets) => (Channels, _stride, _offsets) = (channels, stride, offsets);

    public int Channels { get; }

    /// <summary>The terms of a sum.</summary>
    public int Depth => _offsets.Length;

    /// <param name="dimensions">Of a matrix, or of the kernels of a convolution: [channels, input channels of a group, taps…].</param>
    /// <param name="channelAxis">Which axis of a matrix the output channels lie on.</param>
    public static KernelOrder Of(ImmutableArray<long> dimensions, int channelAxis) => dimensions.Length == 2
        ? OfMatrix((int)dimensions[0], (int)dimensions[1], channelAxis == 0)
        : OfKernels((int)dimensions[0], (int)dimensions[1], dimensions.Skip(2).Aggregate(1, (product, length) => product * (int)length));

    /// <summary>One input and one output channel in each group: those have kernels of their own, which add up in 32 bits.</summary>
    /// <param name="kernels">The dimensions of a convolution's weights.</param>
    /// <param name="groups">Of the convolution.</param>
    public static bool IsDepthwise(ImmutableArray<long> kernels, long groups) => kernels.Length > 2 && kernels[1] == 1 && kernels[0] == groups;

    /// <summary>The index of a weight in its tensor.</summary>
    public int IndexOf(int channel, int term) => (channel * _stride) + _offsets[term];

    private static KernelOrder OfMatrix(int rows, int columns, bool isTransposed) => isTransposed
        ? new(rows, columns, [.. Enumerable.Range(0, columns)])
        : new(columns, 1, [.. Enumerable.Range(0, rows).Select(row => row * columns)]);

    private static KernelOrder OfKernels(int channels, int inputs, int taps) =>
        new(channels, inputs * taps, [.. Enumerable.Range(0, inputs * taps).Select(term => (term % inputs * taps) + (term / inputs))]);
}
