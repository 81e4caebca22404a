using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Saturation;

/// <summary>QLinearConv, in either layout.</summary>
internal sealed class ConvolutionUnit : IntegerUnit
{
    private readonly ImmutableArray<int> _kernel;
    private readonly int _groups;
    private readonly bool _isChannelsLast;

    private ConvolutionUnit(Node node, KernelOperands operands, TensorData? weights)
        : base(node, operands, weights is null ? null : PairedWeights.OfKernels(weights))
    {
        IsKnown = weights is { Rank: > 2 };
        _kernel = [.. weights?.Dimensions.Skip(2).Select(length => (int)length) ?? []];
        _groups = (int)node.Int("group", 1);
        _isChannelsLast = node.Int("channels_last", 0) == 1;
    }

    public override bool IsKnown { get; }

    public static ConvolutionUnit Create(Node node, KernelOperands operands) => new(node, operands, node.Input(operands.Weights)?.Constant);

    /// <summary>Its kernel is exact.</summary>
    public static bool IsDepthwise(Node node) => node.Input(KernelOperands.Of(node)!.Weights)?.Constant is { } weights && KernelOrder.IsDepthwise(weights.Dimensions, node.Int("group", 1));

    protected override TensorData Run(OperandValues values, bool saturates)
    {
        var (activation, weights) = (values.Activation, Constant!);
        ImmutableArray<int> lengths = [.. activation.Dimensions.Select(length => (int)length)];
        var (images, channels) = (lengths[0], lengths[_isChannelsLast ? ^1 : 1]);
        ImmutableArray<int> spatial = [.. lengths.Skip(_isChannelsLast ? 1 : 2).Take(_kernel.Length)];
        var window = new ConvolutionWindow(Node, spatial, _kernel);
        var run = new Convolution(window, weights, new PairedProduct(weights, values, saturates), new ProductScaling(values))
        {
            Groups = _groups,
            Padding = (byte)values.ActivationZeroPoint,
        };
        var (from, to) = (activation.ElementCount / Math.Max(images, 1), window.OutputPositions * weights.Channels);
        var result = new byte[images * to];
        for (var image = 0; image < images; image++)
        {
            var source = activation.Bytes.Span.Slice((int)(image * from), (int)from);
            var target = result.AsSpan(image * to, to);
            if (_isChannelsLast)
            {
                run.Run(source, target);
            }
            else
            {
                var last = new byte[to];
                run.Run(Transpose(source, channels), last);
                Transpose(last, window.OutputPositions).CopyTo(target);
            }
        }

        Tally.Add(result.Length, run.Changed, activation.Bytes.Span);
        IEnumerable<long> sizes = window.Output.Select(length => (long)length);
        return new(ElementType.UInt8, _isChannelsLast ? [images, .. sizes, weights.Channels] : [images, weights.Channels, .. sizes], result);
    }

    /// <summary>Rows become columns.</summary>
    private static byte[] Transpose(ReadOnlySpan<byte> matrix, int rows)
    {
        var columns = matrix.Length / Math.Max(rows, 1);
        var transposed = new byte[matrix.Length];
        for (var i = 0; i < matrix.Length; i++)
        {
            transposed[(i % columns * rows) + (i / columns)] = matrix[i];
        }

        return transposed;
    }

    /// <summary>One run, image by image, with the channels last.</summary>
    private sealed class Convolution(ConvolutionWindow window, PairedWeights weights, PairedProduct product, ProductScaling scaling)
    {
        private readonly byte[] _row = new byte[weights.Stride];

        public required int Groups { get; init; }

        public required byte Padding { get; init; }

        public long Changed => product.Changed;

        public void Run(ReadOnlySpan<byte> image, Span<byte> result)
        {
            var (inputs, outputs) = (weights.Depth / window.Taps, weights.Channels / Groups);
            var (sums, taps) = (new int[outputs], new int[window.Taps]);
            for (var position = 0; position < window.OutputPositions; position++)
            {
                window.Read(position, taps);
                for (var group = 0; group < Groups; group++)
                {
                    Gather(image, taps, group, inputs);
                    product.Multiply(_row, group * outputs, sums);
                    scaling.Scale(sums, group * outputs, result.Slice((position * weights.Channels) + (group * outputs), outputs));
                }
            }
        }

        private void Gather(ReadOnlySpan<byte> image, ReadOnlySpan<int> positions, int group, int inputs)
        {
            for (var tap = 0; tap < positions.Length; tap++)
            {
                var target = _row.AsSpan(tap * inputs, inputs);
                if (positions[tap] == ConvolutionWindow.Padding)
                {
                    target.Fill(Padding);
                }
                else
                {
                    image.Slice((positions[tap] * inputs * Groups) + (group * inputs), inputs).CopyTo(target);
                }
            }
        }
    }
}
