using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>Operators that move elements, and the ways between the forms. Their unit is an element read.</summary>
internal static class MovingCases
{
    private static readonly (long Channels, long Plane)[] Maps = [(16, 56), (32, 28), (32, 56), (64, 14), (64, 28), (128, 14), (128, 28), (256, 14), (512, 7)];
    private static readonly ImmutableArray<long>[] Sequences = [[1, 16, 64], [1, 64, 128], [1, 64, 384], [1, 128, 384], [1, 128, 1536], [1, 196, 192], [1, 16, 768]];
    private static readonly ImmutableArray<long>[] Heads = [[1, 16, 8, 16], [1, 64, 6, 32], [1, 128, 12, 32], [1, 196, 6, 32], [1, 64, 12, 64]];
    private static readonly ImmutableArray<long>[] Planes = [[1, 32, 14, 14], [1, 32, 28, 28], [1, 32, 56, 56], [1, 64, 28, 28], [1, 256, 14, 14], [1, 24, 80, 80]];

    public static IEnumerable<CostCase> All() =>
    [
        .. Maps.Select(map => Concat("Concat", map)),
        .. Maps.Select(map => Concat("Concat.shared", map)),
        .. Maps.Select(Resize),
        .. Moving("Transpose", Heads, graph => ("Transpose", [], [NodeAttribute.Of("perm", [0, 2, 1, 3])]), 1),
        .. Moving("Transpose", Heads, graph => ("Transpose", [], [NodeAttribute.Of("perm", [0, 2, 3, 1])]), 1),
        .. Moving("Transpose", Planes, graph => ("Transpose", [], [NodeAttribute.Of("perm", [0, 2, 3, 1])]), 1),
        .. Moving("Slice", Planes, graph => ("Slice", [graph.Longs("from", 0), graph.Longs("to", 8), graph.Longs("axes", 1)], []), shape => 8.0 / shape[1]),
        .. Moving("Slice", Planes, graph => ("Slice", [graph.Longs("from", 0), graph.Longs("to", 14), graph.Longs("axes", 3)], []), shape => 14.0 / shape[3]),
        .. Moving("Slice", Sequences, graph => ("Slice", [graph.Longs("from", 0), graph.Longs("to", 32), graph.Longs("axes", 2)], []), shape => 32.0 / shape[2]),
        .. Moving("DepthToSpace", Planes, graph => ("DepthToSpace", [], [NodeAttribute.Of("blocksize", 2L)]), 1),
        .. Moving("Gather", Sequences, graph => ("Gather", [graph.Longs("rows", 3, 1, 4, 1, 5, 9, 2, 6)], [NodeAttribute.Of("axis", 1L)]), shape => 8.0 / shape[1]),
        .. Moving("Reshape", [.. Sequences, .. Planes], graph => ("Reshape", [graph.Longs("shape", 1, 8, -1)], []), 1).Select(given => given with { Operator = _ => new(1, 0, 0) }),
        .. Planes.Select(shape => Split(shape, 1)), .. Sequences.Select(shape => Split(shape, 2)),
        .. Planes.Select(Pad),
        .. Sequences.Select(Quantize), .. Sequences.Select(Dequantize),
        .. Maps.Select(map => ConvertMap("Quantize.image", map, fromInt8: false)), .. Maps.Select(map => ConvertMap("Dequantize.image", map, fromInt8: true)),
    ];

    private static CostCase Concat(string kind, (long Channels, long Plane) map) => new(
        kind, Text($"2·{map.Channels} {map.Plane}×{map.Plane}"),
        (graph, count) =>
        {
            graph.HasOneScale = kind == "Concat.shared";
            CaseModels.Fan(
                (fan, _) => fan.FeatureMap(map.Channels, map.Plane),
                (fan, sources, index) => [fan.Finish(
                    fan.AddNode("Concat", [fan.Operand(sources[index]), fan.Operand(sources[(index + 1) % sources.Length])], NodeAttribute.Of("axis", 1L)).Output,
                    fan.NextParameters(isPositive: true))],
                (fan, value, _) => fan.ReadSomeOfFeatureMap(value, value.Producer is { OpType: "Concat" } || IsJoined(value) ? 2 * map.Channels : map.Channels))(graph, count);
        },
        _ => new(1, 2 * Elements(map), 2 * Elements(map)));

    private static bool IsJoined(Value value) => value.Producer?.Input(0)?.Producer?.Input(0)?.Producer is { OpType: "Concat" };

    private static CostCase Resize((long Channels, long Plane) map) => new(
        "Resize", Text($"{map.Channels} {map.Plane}×{map.Plane}"),
        CaseModels.Fan(
            (graph, _) => graph.FeatureMap(map.Channels, map.Plane),
            (graph, sources, index) => [graph.Move("Resize", [graph.Operand(sources[index]), null, graph.Floats("scales", [4], Scale())],
                NodeAttribute.Of("mode", "nearest"), NodeAttribute.Of("coordinate_transformation_mode", "asymmetric"), NodeAttribute.Of("nearest_mode", "floor"))],
            (graph, value, _) => graph.ReadSomeOfFeatureMap(value, map.Channels)),
        _ => new(1, Elements(map), 4 * Elements(map)));

    private static Func<Random, float> Scale()
    {
        var index = 0;
        return _ => index++ < 2 ? 1 : 2;
    }

    private static IEnumerable<CostCase> Moving(
        string kind, ImmutableArray<long>[] shapes, Func<CaseGraph, (string OpType, Value[] Operands, NodeAttribute[] Attributes)> write, double share) => Moving(kind, shapes, write, _ => share);

    private static IEnumerable<CostCase> Moving(
        string kind, ImmutableArray<long>[] shapes, Func<CaseGraph, (string OpType, Value[] Operands, NodeAttribute[] Attributes)> write, Func<ImmutableArray<long>, double> share) =>
        shapes.Select(shape => Side(kind, shape, (graph, value) => Move(graph, value, write(graph))) with { Operator = _ => new(1, Elements(shape), share(shape) * Elements(shape)) });

    private static Value[] Move(CaseGraph graph, Value value, (string OpType, Value[] Operands, NodeAttribute[] Attributes) node) =>
        [graph.Move(node.OpType, [graph.Operand(value), .. node.Operands], node.Attributes)];

    private static CostCase Split(ImmutableArray<long> shape, int axis) => Side("Split", shape, (graph, value) =>
    {
        var operand = graph.Operand(value);
        Value[] halves = [graph.Graph.AddValue("half"), graph.Graph.AddValue("half")];
        graph.Graph.AddNode("Split", [operand], halves).Set("axis", (long)axis).Set("num_outputs", 2L);
        return [.. halves.Select(half => graph.Finish(half, graph.IsInt8 ? graph.ParametersOf(operand) : null))];
    });

    /// <summary>On the integers themselves: nothing else fuses.</summary>
    private static CostCase Pad(ImmutableArray<long> shape) => Side("Pad", shape, (graph, value) =>
    {
        var pads = graph.Longs("pads", 0, 0, 1, 1, 0, 0, 1, 1);
        if (!graph.IsInt8)
        {
            return [graph.AddNode("Pad", [value, pads]).Output];
        }

        var dequantize = graph.Operand(value).Producer!;
        return [graph.Dequantize(graph.AddNode("Pad", [dequantize.Input(0), pads, dequantize.Input(2)]).Output, graph.ParametersOf(dequantize.Output))];
    });

    /// <summary>Tensors in their plain layout, beside one another.</summary>
    private static CostCase Side(string kind, ImmutableArray<long> shape, Func<CaseGraph, Value, Value[]> step) => new(
        kind, string.Join('×', shape),
        CaseModels.Fan((graph, _) => graph.Input(shape), (graph, sources, index) => step(graph, sources[index]), CaseModels.ReadRow),
        _ => new(1, Elements(shape), Elements(shape)));

    private static CostCase Quantize(ImmutableArray<long> shape) => new(
        "Quantize", string.Join('×', shape),
        CaseModels.Conversions(
            graph => graph.Input(shape),
            graph => graph.Input(ElementType.UInt8, shape),
            (graph, value, row) => graph.Dequantize(
                Row(graph, value.DeclaredType == ElementType.Float ? graph.Quantize(value, graph.NextParameters()).Output : value, row), graph.NextParameters())),
        _ => new(1, Elements(shape), 0))
    {
        Forms = [KernelForm.Int8],
    };

    private static CostCase Dequantize(ImmutableArray<long> shape) => new(
        "Dequantize", string.Join('×', shape),
        CaseModels.Conversions(
            graph => graph.Input(ElementType.UInt8, shape),
            graph => graph.Input(shape),
            (graph, value, row) => Row(graph, value.DeclaredType == ElementType.Float ? value : graph.Dequantize(value, graph.NextParameters()), row)),
        _ => new(1, Elements(shape), 0))
    {
        Forms = [KernelForm.Int8],
    };

    private static Value Row(CaseGraph graph, Value value, int row) =>
        graph.AddNode("Gather", [value, graph.Longs("row", row)], NodeAttribute.Of("axis", 1L)).Output;

    /// <summary>Between a convolution in one form and one in the other, with the changes of layout that ONNX Runtime puts there.</summary>
    private static CostCase ConvertMap(string kind, (long Channels, long Plane) map, bool fromInt8) => new(
        kind, Text($"{map.Channels} {map.Plane}×{map.Plane}"),
        CaseModels.Conversions(
            graph => Source(graph, map, fromInt8),
            graph => Source(graph, map, !fromInt8),
            (graph, value, _) =>
            {
                graph.IsInt8 = !fromInt8;
                return graph.ReadSomeOfFeatureMap(value, map.Channels);
            }),
        _ => new(1, Elements(map), 0))
    {
        Forms = [KernelForm.Int8],
    };

    /// <summary>It is read in its own form in any case.</summary>
    private static Value Source(CaseGraph graph, (long Channels, long Plane) map, bool isInt8)
    {
        graph.IsInt8 = isInt8;
        var value = graph.FeatureMap(map.Channels, map.Plane);
        graph.Output(graph.ReadSomeOfFeatureMap(value, map.Channels));
        return value;
    }

    private static double Elements((long Channels, long Plane) map) => map.Channels * map.Plane * map.Plane;

    private static double Elements(ImmutableArray<long> shape) => shape.Aggregate(1L, (product, length) => product * length);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
