using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>Operators that leave elements as they are.</summary>
internal static class MovingGradients
{
    public static void Reshaped(GradientGraph graph, Node node, Value output) =>
        GradientRules.Through(graph, node, graph.Reshape(output, graph.ShapeOf(node.Input(0)!)));

    public static void Transpose(GradientGraph graph, Node node, Value output)
    {
        var rank = graph.ShapeOf(node.Output).Length;
        ImmutableArray<long> order = node.Ints("perm") is { IsDefaultOrEmpty: false } given ? given : [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
        GradientRules.Through(graph, node, graph.Transpose(output, [.. Enumerable.Range(0, rank).Select(axis => (long)order.IndexOf(axis))]));
    }

    public static void Concat(GradientGraph graph, Node node, Value output)
    {
        var axis = node.Int("axis", 0);
        axis += axis < 0 ? graph.ShapeOf(node.Output).Length : 0;
        var start = 0L;
        foreach (var input in node.Inputs.OfType<Value>())
        {
            var end = start + graph.ShapeOf(input)[(int)axis];
            if (graph.IsWanted(input))
            {
                graph.Add(input, graph.Node("Slice", output, graph.Longs(start), graph.Longs(end), graph.Longs(axis)));
            }

            start = end;
        }
    }

    public static void Split(GradientGraph graph, Node node, Value _)
    {
        var shape = graph.ShapeOf(node.Input(0)!);
        var axis = node.Int("axis", 0);
        axis += axis < 0 ? shape.Length : 0;
        Value[] parts = [.. node.Outputs.OfType<Value>().Select(part => graph.Of(part) ?? graph.Node("Expand", graph.Number(0), graph.Longs(graph.ShapeOf(part).AsSpan())))];
        GradientRules.Through(graph, node, graph.Make("Concat", parts).Set("axis", axis).Output);
    }

    public static void Pad(GradientGraph graph, Node node, Value output)
    {
        if (node.Text("mode", "constant") != "constant" || node.Input(3) is not null || node.Input(1)?.Constant is not { } constant)
        {
            return;
        }

        var (pads, shape) = (constant.ToLongs(), graph.ShapeOf(node.Output));
        if (pads.All(pad => pad >= 0))
        {
            long[] ends = [.. shape.Select((length, axis) => length - pads[axis + shape.Length])];
            GradientRules.Through(graph, node, graph.Node("Slice", output, graph.Longs(pads.AsSpan()[..shape.Length]), graph.Longs(ends), graph.Longs([.. shape.Select((_, axis) => (long)axis)])));
        }
    }

    public static void Slice(GradientGraph graph, Node node, Value output)
    {
        var shape = graph.ShapeOf(node.Input(0)!);
        if (node.Input(1)?.Constant?.ToLongs() is not { } starts || node.Input(2)?.Constant is null || node.Input(4) is { } steps && (steps.Constant is not { } constant || constant.ToLongs().Any(step => step != 1)))
        {
            return;
        }

        var taken = graph.ShapeOf(node.Output);
        var pads = new long[2 * shape.Length];
        for (var index = 0; index < starts.Length; index++)
        {
            if ((node.Input(3) is null ? index : node.Input(3)!.Constant?.ToLongs()[index]) is not { } axis)
            {
                return;
            }

            axis += axis < 0 ? shape.Length : 0;
            var start = Math.Clamp(starts[index] < 0 ? starts[index] + shape[(int)axis] : starts[index], 0, shape[(int)axis]);
            (pads[axis], pads[axis + shape.Length]) = (start, shape[(int)axis] - start - taken[(int)axis]);
        }

        GradientRules.Through(graph, node, graph.Node("Pad", output, graph.Longs(pads)));
    }
}
