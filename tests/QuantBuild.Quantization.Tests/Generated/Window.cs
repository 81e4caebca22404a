using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>Where a convolution or pooling looks, along each spatial axis.</summary>
internal sealed record Window(int[] Lengths, int[] Strides, int[] Dilations, int[] Begins, int[] Ends)
{
    public static Window Of(Node node, int[] lengths)
    {
        int[] Ints(string name, int count, int fallback) =>
            node.Ints(name) is { IsDefault: false } given ? [.. given.Select(value => (int)value)] : [.. Enumerable.Repeat(fallback, count)];
        var pads = Ints("pads", 2 * lengths.Length, 0);
        return new(lengths, Ints("strides", lengths.Length, 1), Ints("dilations", lengths.Length, 1), pads[..lengths.Length], pads[lengths.Length..]);
    }

    public int[] OutputLengths(int[] input) =>
        [.. input.Select((length, axis) => ((length + Begins[axis] + Ends[axis] - (Dilations[axis] * (Lengths[axis] - 1)) - 1) / Strides[axis]) + 1)];

    /// <summary>The input position that a tap reads for an output position; for a transposed convolution, the other way round.</summary>
    public int[] Source(int[] position, int[] tap) =>
        [.. position.Select((output, axis) => (output * Strides[axis]) + (tap[axis] * Dilations[axis]) - Begins[axis])];
}
