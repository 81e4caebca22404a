using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Layers;

/// <summary>Which input position each tap of a convolution reads at each output position.</summary>
internal sealed class ConvolutionWindow
{
    /// <summary>In the place of a position: padding.</summary>
    public const int Padding = -1;

    /// <summary>Of each axis, what its taps add to the position at each output position of the axis.</summary>
    private readonly int[][] _steps;
    private readonly Axis[] _axes;

    /// <param name="node">Has the attributes of a Conv.</param>
    /// <param name="input">The lengths of the input's spatial axes.</param>
    /// <param name="kernel">Those of the kernel.</param>
    public ConvolutionWindow(Node node, ImmutableArray<int> input, ImmutableArray<int> kernel)
    {
        _axes = [.. kernel.Select((taps, axis) => Axis.Of(node, axis, input[axis], taps))];
        _steps = [.. _axes.Select((axis, index) => axis.Steps(input.Skip(index + 1).Aggregate(1, (product, length) => product * length)))];
        Output = [.. _axes.Select(axis => axis.OutputLength)];
        PadBefore = [.. _axes.Select(axis => axis.PadBefore)];
        Taps = kernel.Aggregate(1, (product, length) => product * length);
        OutputPositions = Output.Aggregate(1, (product, length) => product * length);
    }

    /// <summary>The lengths of the output's spatial axes.</summary>
    public ImmutableArray<int> Output { get; }

    /// <summary>How much padding lies before the input on each axis.</summary>
    public ImmutableArray<int> PadBefore { get; }

    public int Taps { get; }

    public int OutputPositions { get; }

    /// <summary>Fills in which position each tap reads, the last axis being the fastest.</summary>
    /// <param name="output">The number of the output position.</param>
    /// <param name="positions">One for each tap.</param>
    public void Read(int output, Span<int> positions)
    {
        var (count, outer) = (1, OutputPositions);
        positions[0] = 0;
        for (var axis = 0; axis < _axes.Length; axis++)
        {
            outer /= _axes[axis].OutputLength;
            var taps = _axes[axis].Taps;
            var steps = _steps[axis].AsSpan(output / outer % _axes[axis].OutputLength * taps, taps);

            // From the last one on, so that none is read after it was written over
            for (var i = count - 1; i >= 0; i--)
            {
                var position = positions[i];
                for (var tap = 0; tap < taps; tap++)
                {
                    positions[(i * taps) + tap] = position == Padding || steps[tap] == Padding ? Padding : position + steps[tap];
                }
            }

            count *= taps;
        }
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

        /// <summary>By output position and tap, with <paramref name="stride"/> elements from one index of the axis to the next.</summary>
        public int[] Steps(int stride)
        {
            var steps = new int[OutputLength * Taps];
            for (var i = 0; i < steps.Length; i++)
            {
                var index = (i / Taps * Stride) + (i % Taps * Dilation) - PadBefore;
                steps[i] = index < 0 || index >= InputLength ? Padding : index * stride;
            }

            return steps;
        }

        private static int At(ImmutableArray<long> values, int axis, int fallback) => values.IsDefaultOrEmpty ? fallback : (int)values[axis];
    }
}
