using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>Operators that make one element out of a window of elements.</summary>
internal static class PoolingGradients
{
    /// <summary>Each output's goes to the place where its maximum was.</summary>
    public static void MaxPool(GradientGraph graph, Node node, Value output)
    {
        if (!graph.IsWanted(node.Input(0)) || node.Int("storage_order", 0) != 0)
        {
            return;
        }

        if (node.Outputs.Count < 2 || node.Outputs[1] is null)
        {
            // The runtime's fastest pooling knows no places; a second node asks for them.
            var twin = graph.MakePair(node);
            Scatter(twin);
        }
        else
        {
            Scatter(node.Outputs[1]!);
        }

        void Scatter(Value places)
        {
            var shape = graph.ShapeOf(node.Input(0)!);
            var count = shape.Aggregate(1L, (product, length) => product * length);
            var zeros = graph.Node("Expand", graph.Number(0), graph.Longs(count));
            var scattered = graph.Make("ScatterElements", zeros, graph.Reshape(places, [-1]), graph.Reshape(output, [-1])).Set("reduction", "add").Set("axis", 0L);
            graph.Add(node.Input(0)!, graph.Reshape(scattered.Output, shape));
        }
    }

    public static void AveragePool(GradientGraph graph, Node node, Value output)
    {
        var input = node.Input(0)!;
        if (!graph.IsWanted(input) || node.Int("ceil_mode", 0) != 0 || node.Text("auto_pad", "NOTSET") != "NOTSET" || node.Ints("dilations") is { IsDefault: false })
        {
            return;
        }

        var (shape, kernel) = (graph.ShapeOf(input), node.Ints("kernel_shape"));
        var (rank, channels, outputs) = (kernel.Length, shape[1], graph.ShapeOf(node.Output));
        ImmutableArray<long> strides = node.Ints("strides") is { IsDefaultOrEmpty: false } given ? given : [.. Enumerable.Repeat(1L, rank)];
        ImmutableArray<long> pads = node.Ints("pads") is { IsDefaultOrEmpty: false } padding ? padding : [.. new long[2 * rank]];
        if (pads.Any(pad => pad != 0) && node.Int("count_include_pad", 0) == 0)
        {
            return;
        }

        var taps = kernel.Aggregate(1L, (product, length) => product * length);
        var weights = TensorData.Create([channels, 1, .. kernel], Enumerable.Repeat(1f / taps, (int)(channels * taps)).ToArray().AsSpan());
        ImmutableArray<long> rest = [.. Enumerable.Range(0, rank).Select(axis => shape[axis + 2] + pads[axis] + pads[axis + rank] - ((strides[axis] * (outputs[axis + 2] - 1)) + kernel[axis]))];
        graph.Add(input, graph.Make("ConvTranspose", output, graph.Constant(weights)).Set("group", channels).Set("strides", strides).Set("pads", pads).Set("output_padding", rest).Output);
    }

    /// <summary>Every element has its share.</summary>
    public static void Mean(GradientGraph graph, Node node, Value output)
    {
        var input = node.Input(0)!;
        if (!graph.IsWanted(input))
        {
            return;
        }

        var (shape, reduced) = (graph.ShapeOf(input), graph.ShapeOf(node.Output));
        long[]? axes = node.Is("GlobalAveragePool") ? [.. Enumerable.Range(2, shape.Length - 2).Select(axis => (long)axis)]
            : node.Ints("axes") is { IsDefaultOrEmpty: false } given ? [.. given]
            : node.Input(1) is { Constant: { } constant } ? [.. constant.ToLongs()]
            : node.Input(1) is null ? [.. Enumerable.Range(0, shape.Length).Select(axis => (long)axis)] : null;
        if (axes is null)
        {
            return;
        }

        var over = axes.Select(axis => axis < 0 ? axis + shape.Length : axis).ToHashSet();
        ImmutableArray<long> kept = [.. shape.Select((length, axis) => over.Contains(axis) ? 1 : length)];
        var count = over.Aggregate(1L, (product, axis) => product * shape[(int)axis]);
        var scaled = graph.Node("Mul", reduced.SequenceEqual(kept) ? output : graph.Reshape(output, kept), graph.Number(1f / count));
        graph.Add(input, graph.Node("Expand", scaled, graph.Longs(shape.AsSpan())));
    }
}
