using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Layers;

/// <summary>Which input position each tap of a convolution reads at each output position.</summary>
internal sealed class ConvolutionWindow
{
    /// <summary>In the place of a position: padding.</summary>
    public const int Padding = -1;

    private readonly int[] _positions;

    /// <param name="node">Has the attributes of a Conv.</param>
    /// <param name="input">The lengths of the input's spatial axes.</param>
    /// <param name="kernel">Those of the kernel.</param>
    public ConvolutionWindow(Node node, ImmutableArray<int> input, ImmutableArray<int> kernel)
    {
        Axis[] axes = [.. kernel.Select((taps, axis) => Axis.Of(node, axis, input[axis], taps))];
        Output = [.. axes.Select(axis => axis.OutputLength)];
        PadBefore = [.. axes.Select(axis => axis.PadBefore)];
        Taps = kernel.Aggregate(1, (product, length) => product * length);
        _positions = new int[Output.Aggregate(1, (product, length) => product * length) * Taps];
        for (var i = 0; i < _positions.Length; i++)
        {
            _positions[i] = PositionOf(axes, i / Taps, i % Taps);
        }
    }

    /// <summary>The lengths of the output's spatial axes.</summary>
    public ImmutableArray<int> Output { get; }

    /// <summary>How much padding lies before the input on each axis.</summary>
    public ImmutableArray<int> PadBefore { get; }

    public int Taps { get; }

    public int OutputPositions => _positions.Length / Taps;

    public ReadOnlySpan<int> At(int output) => _positions.AsSpan(output * Taps, Taps);

    private static int PositionOf(Axis[] axes, int output, int tap)
    {
        var (position, stride) = (0, 1);
        for (var axis = axes.Length - 1; axis >= 0; axis--)
        {
            var (length, window) = (axes[axis].InputLength, axes[axis]);
            var index = (output % window.OutputLength * window.Stride) + (tap % window.Taps * window.Dilation) - window.PadBefore;
            if (index < 0 || index >= length)
            {
                return Padding;
            }

            position += index * stride;
            (output, tap, stride) = (output / window.OutputLength, tap / window.Taps, stride * length);
        }

        return position;
    }

    private sealed record Axis(int InputLength, int OutputLength, int Taps)
    {
        public int Stride { get; init; }

        public int Dilation { get; init; }

        public int PadBefore { get; init; }

        public static Axis Of(Node node, int axis, int input, int taps)
        {
            var (stride, dilation) = (At(node.Ints("strides"), axis, 1), At(node.Ints("dilations"), axis, 1));
            var reach = (dilation * (taps - 1)) + 1;
            var automatic = node.Text("auto_pad", "NOTSET");
            if (automatic is "SAME_UPPER" or "SAME_LOWER")
            {
                var same = (input + stride - 1) / stride;
                var padding = Math.Max(0, ((same - 1) * stride) + reach - input);
                return new(input, same, taps) { Stride = stride, Dilation = dilation, PadBefore = (padding + (automatic == "SAME_LOWER" ? 1 : 0)) / 2 };
            }

            var pads = automatic == "VALID" ? default : node.Ints("pads");
            var (before, after) = (At(pads, axis, 0), pads.IsDefault ? 0 : (int)pads[axis + (pads.Length / 2)]);
            return new(input, Math.Max(0, ((input + before + after - reach) / stride) + 1), taps) { Stride = stride, Dilation = dilation, PadBefore = before };
        }

        private static int At(ImmutableArray<long> values, int axis, int fallback) => values.IsDefaultOrEmpty ? fallback : (int)values[axis];
    }
}
