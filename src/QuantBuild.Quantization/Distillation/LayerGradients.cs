using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Distillation;

/// <summary>Operators that multiply with weights.</summary>
internal static class LayerGradients
{
    public static void Convolution(GradientGraph graph, Node node, Value output)
    {
        var (input, weights, window) = (node.Input(0)!, node.Input(1)!, new Window(graph, node));
        if (graph.IsWanted(input))
        {
            graph.Add(input, graph.Make("ConvTranspose", output, weights).Set("group", node.Int("group", 1)).Set("strides", window.Strides).Set("dilations", window.Dilations)
                .Set("pads", window.Pads).Set("output_padding", window.Rest).Output);
        }

        if (graph.IsWanted(weights))
        {
            graph.Add(weights, WeightsOf(graph, node, output, window));
        }

        if (graph.IsWanted(node.Input(2)))
        {
            graph.Add(node.Input(2)!, graph.Sum(output, keeps: false, [0, .. Enumerable.Range(2, graph.ShapeOf(input).Length - 2).Select(axis => (long)axis)]));
        }
    }

    public static void Gemm(GradientGraph graph, Node node, Value output)
    {
        var (a, b, c) = (node.Input(0)!, node.Input(1)!, node.Input(2));
        var (transA, transB) = (node.Int("transA", 0), node.Int("transB", 0));
        var alpha = node.Float("alpha", 1);
        if (graph.IsWanted(a))
        {
            graph.Add(a, transA == 0 ? Product(output, 0, b, 1 - transB) : Product(b, transB, output, 1));
        }

        if (graph.IsWanted(b))
        {
            graph.Add(b, transB == 0 ? Product(a, 1 - transA, output, 0) : Product(output, 1, a, transA));
        }

        if (graph.IsWanted(c))
        {
            graph.Add(c!, graph.Reduce(Times(node.Float("beta", 1), output), graph.ShapeOf(node.Output), graph.ShapeOf(c!)));
        }

        Value Product(Value first, long transFirst, Value second, long transSecond) =>
            graph.Make("Gemm", first, second).Set("transA", transFirst).Set("transB", transSecond).Set("alpha", alpha).Output;

        Value Times(float factor, Value value) => factor == 1 ? value : graph.Node("Mul", value, graph.Number(factor));
    }

    public static void MatMul(GradientGraph graph, Node node, Value output)
    {
        var (a, b) = (node.Input(0)!, node.Input(1)!);
        var (shapeA, shapeB, shape) = (graph.ShapeOf(a), graph.ShapeOf(b), graph.ShapeOf(node.Output));
        if (shapeA.Length < 2 || shapeB.Length < 2)
        {
            return;
        }

        if (graph.IsWanted(a))
        {
            var gradient = graph.Node("MatMul", output, Swapped(b, shapeB.Length));
            graph.Add(a, graph.Reduce(gradient, [.. shape[..^1], shapeA[^1]], shapeA));
        }

        if (graph.IsWanted(b) && shapeB.Length == 2)
        {
            graph.Add(b, graph.Node("MatMul", graph.Transpose(graph.Reshape(a, [-1, shapeA[^1]]), 1, 0), graph.Reshape(output, [-1, shape[^1]])));
        }
        else if (graph.IsWanted(b))
        {
            var gradient = graph.Node("MatMul", Swapped(a, shapeA.Length), output);
            graph.Add(b, graph.Reduce(gradient, [.. shape[..^2], shapeB[^2], shapeB[^1]], shapeB));
        }

        Value Swapped(Value value, int rank) => graph.Transpose(value, [.. Enumerable.Range(0, rank - 2).Select(axis => (long)axis), rank - 1, rank - 2]);
    }

    /// <summary>For each tap of the kernel the inputs that it has read, as the rows of a matrix, times the gradients of the outputs.</summary>
    private static Value WeightsOf(GradientGraph graph, Node node, Value output, Window window)
    {
        var (x, y, w) = (graph.ShapeOf(node.Input(0)!), graph.ShapeOf(node.Output), graph.ShapeOf(node.Input(1)!));
        var (batch, groups, channels, positions) = (x[0], node.Int("group", 1), w[1], y.Skip(2).Aggregate(1L, (product, length) => product * length));
        var padded = window.Pads.All(pad => pad == 0) ? node.Input(0)! : graph.Node("Pad", node.Input(0), graph.Longs(window.PadsOfAll));
        Value[] taps = [.. window.Taps.Select(starts => graph.Reshape(graph.Node("Slice", padded, graph.Longs(starts), graph.Longs(window.Ends(starts)), graph.Longs(window.Axes), graph.Longs(window.Strides.AsSpan())), [batch, groups, channels, 1, positions]))];
        var rows = graph.Reshape(taps.Length == 1 ? taps[0] : graph.Make("Concat", taps).Set("axis", 3L).Output, [batch, groups, channels * taps.Length, positions]);
        var columns = graph.Transpose(graph.Reshape(output, [batch, groups, w[0] / groups, positions]), 0, 1, 3, 2);
        var products = graph.Node("MatMul", rows, columns);
        return graph.Reshape(graph.Transpose(batch == 1 ? graph.Reshape(products, [groups, channels * taps.Length, w[0] / groups]) : graph.Sum(products, keeps: false, 0), 0, 2, 1), w);
    }

    /// <summary>The window of a convolution, in numbers.</summary>
    private sealed class Window
    {
        private readonly ImmutableArray<long> _kernel;
        private readonly ImmutableArray<long> _outputs;

        public Window(GradientGraph graph, Node node)
        {
            var (input, output) = (graph.ShapeOf(node.Input(0)!), graph.ShapeOf(node.Output));
            _kernel = graph.ShapeOf(node.Input(1)!)[2..];
            _outputs = output[2..];
            var rank = _kernel.Length;
            var window = new ConvolutionWindow(node, [.. input.Skip(2).Select(length => (int)length)], [.. _kernel.Select(length => (int)length)]);
            Strides = node.Ints("strides") is { IsDefaultOrEmpty: false } strides ? strides : [.. Enumerable.Repeat(1L, rank)];
            Dilations = node.Ints("dilations") is { IsDefaultOrEmpty: false } dilations ? dilations : [.. Enumerable.Repeat(1L, rank)];
            // Between what the windows cover and the end of the input there may be a rest that none reads.
            long[] reach = [.. _kernel.Select((taps, axis) => (Strides[axis] * (_outputs[axis] - 1)) + (Dilations[axis] * (taps - 1)) + 1)];
            long[] after = [.. reach.Select((length, axis) => length - input[axis + 2] - window.PadBefore[axis])];
            Pads = [.. window.PadBefore.Select(pad => (long)pad), .. after.Select(pad => Math.Max(0, pad))];
            Rest = [.. after.Select(pad => Math.Max(0, -pad))];
        }

        public ImmutableArray<long> Strides { get; }

        public ImmutableArray<long> Dilations { get; }

        public ImmutableArray<long> Pads { get; }

        public ImmutableArray<long> Rest { get; }

        public long[] Axes => [.. _kernel.Select((_, axis) => axis + 2L)];

        public long[] PadsOfAll => [0, 0, .. Pads[.._kernel.Length], 0, 0, .. Pads[_kernel.Length..]];

        /// <summary>Where each tap starts to read, the last axis being the fastest.</summary>
        public IEnumerable<long[]> Taps =>
            _kernel.Index().Aggregate<(int Index, long Item), IEnumerable<long[]>>([[]], (starts, axis) =>
                starts.SelectMany(start => Enumerable.Range(0, (int)axis.Item), (start, tap) => (long[])[.. start, tap * Dilations[axis.Index]]));

        public long[] Ends(long[] starts) => [.. starts.Select((start, axis) => start + (Strides[axis] * (_outputs[axis] - 1)) + 1)];
    }
}
