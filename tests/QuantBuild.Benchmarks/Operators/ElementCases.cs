using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>Operators that compute elements one by one, or a few from their neighbours. Their unit is an element of the largest input.</summary>
internal static class ElementCases
{
    private static readonly (long Channels, long Plane)[] Maps = [(16, 32), (16, 56), (16, 112), (32, 56), (64, 28), (128, 14), (128, 28), (256, 14), (512, 7)];
    private static readonly ImmutableArray<long>[] Sequences = [[1, 16, 64], [1, 64, 128], [1, 64, 384], [1, 128, 384], [1, 128, 1536], [1, 196, 192], [1, 16, 768]];

    public static IEnumerable<CostCase> All() =>
    [
        .. OnMaps("Add", (graph, value, other, _) => graph.Apply("Add", [value, other])),
        .. OnMaps("Mul", (graph, value, other, _) => graph.Apply("Mul", [value, other])),
        .. OnMaps("Sigmoid", (graph, value, _, _) => graph.Apply("Sigmoid", [value])),
        .. OnMaps("LeakyRelu", (graph, value, _, _) => graph.Apply("LeakyRelu", [value], NodeAttribute.Of("alpha", 0.1f))),
        .. AveragePools,
        .. OnMaps("MaxPool", (graph, value, _, _) => graph.Move("MaxPool", [value], Window(3, 1, 1))),
        .. Halving("MaxPool", (graph, value, window) => graph.Move("MaxPool", [value], window)),
        .. Maps.Select(map => Fan("GlobalAveragePool", map, 1, (graph, sources, index) => graph.Apply("GlobalAveragePool", [graph.Operand(sources[index])]))),
        .. Softmax([1, 4, 16, 16], [1, 4, 64, 64], [1, 12, 32, 32], [1, 12, 64, 64], [1, 4, 128, 128], [1, 3, 196, 196], [1, 40, 97], [1, 32, 1000]),
        .. Where([1, 4, 16, 16], [1, 4, 64, 64], [1, 12, 32, 32], [1, 12, 64, 64], [1, 4, 128, 128], [1, 3, 196, 196]),
        .. FloatAlone("Relu"), .. FloatAlone("HardSwish"), .. FloatAlone("HardSigmoid"), .. FloatAlone("Tanh"), .. FloatAlone("Exp"), .. FloatAlone("Erf"), .. FloatAlone("Gelu"),
        .. InFloat("Clip", (graph, value, _) => graph.Apply("Clip", [value, Scalar(graph, 0), Scalar(graph, 6)])),
        .. InFloat("Div", (graph, value, shape) => graph.Apply("Div", [value, graph.Floats("z", shape, _ => 1.001f)])),
        .. InFloat("Sub", (graph, value, shape) => graph.Apply("Sub", [value, graph.Floats("z", shape, _ => 0.1f)])),
        .. InFloat("LayerNormalization", (graph, value, shape) => graph.Apply("LayerNormalization", [value, graph.Floats("scale", [shape[^1]], _ => 1), graph.Floats("b", [shape[^1]], _ => 0.1f)])),
    ];

    /// <summary>Their unit is an element of a window, which the kernels read for each element that they write.</summary>
    private static IEnumerable<CostCase> AveragePools =>
    [
        .. OnMaps("AveragePool", (graph, value, _, _) => graph.Apply("AveragePool", [value], Window(3, 1, 1)))
            .Select(given => given with { Operator = index => given.Operator(index) with { Units = 9 * given.Operator(index).Units } }),
        .. from map in Maps.Where(map => map.Plane % 2 == 0)
           from width in new[] { 2, 3 }
           select Fan("AveragePool", map, 0.25, (graph, sources, index) => graph.Apply("AveragePool", [graph.Operand(sources[index])], Window(width, 2, width == 2 ? 0 : 1))) with
           {
               Shape = Text($"{map.Channels} {width}×{width} /2 {map.Plane}×{map.Plane}"),
               Operator = _ => new(1, 0.25 * width * width * Elements(map), 0.25 * Elements(map)),
           },
        .. Maps.Where(map => map.Plane <= 28).Select(map => Fan(
            "AveragePool", map, 1, (graph, sources, index) => graph.Apply("AveragePool", [graph.Operand(sources[index])], Window(map.Plane - 1, 1, 0))) with
        {
            // A whole plane would be a GlobalAveragePool.
            Shape = Text($"{map.Channels} {map.Plane - 1}×{map.Plane - 1} of {map.Plane}×{map.Plane}"),
            Operator = _ => new(1, 4 * map.Channels * (map.Plane - 1) * (map.Plane - 1), 4 * map.Channels),
        }),
    ];

    /// <summary>Between convolutions, in their layout; what they read besides comes from another convolution.</summary>
    private static IEnumerable<CostCase> OnMaps(string kind, Func<CaseGraph, Value, Value, int, Value> step) => Maps.Select(map => new CostCase(
        kind, Text($"{map.Channels} {map.Plane}×{map.Plane}"),
        (graph, count) =>
        {
            var other = graph.Operand(graph.FeatureMap(map.Channels, map.Plane));
            graph.Output(graph.ReadFeatureMap(other, map.Channels));
            CaseModels.Chain(
                source => source.FeatureMap(map.Channels, map.Plane),
                (chain, value, index) => step(chain, chain.Operand(value), other, index),
                (chain, value) => chain.ReadFeatureMap(value, map.Channels))(graph, count);
        },
        _ => new(1, Elements(map), Elements(map))));

    private static IEnumerable<CostCase> Halving(string kind, Func<CaseGraph, Value, NodeAttribute[], Value> step) =>
        from map in Maps.Where(map => map.Plane % 2 == 0)
        from width in new[] { 2, 3 }
        select Fan(kind, map, 0.25, (graph, sources, index) => step(graph, graph.Operand(sources[index]), Window(width, 2, width == 2 ? 0 : 1))) with
        {
            Shape = Text($"{map.Channels} {width}×{width} /2 {map.Plane}×{map.Plane}"),
        };

    /// <summary>Beside one another; <paramref name="share"/> are the elements written for each that is read, and 1 stands for one a channel.</summary>
    private static CostCase Fan(string kind, (long Channels, long Plane) map, double share, Func<CaseGraph, ImmutableArray<Value>, int, Value> step) => new(
        kind, Text($"{map.Channels} {map.Plane}×{map.Plane}"),
        CaseModels.Fan(
            (graph, _) => graph.FeatureMap(map.Channels, map.Plane),
            (graph, sources, index) => [step(graph, sources, index)],
            (graph, value, _) => graph.ReadSomeOfFeatureMap(value, map.Channels)),
        _ => new(1, Elements(map), share < 1 ? share * Elements(map) : map.Channels));

    private static IEnumerable<CostCase> Softmax(params ImmutableArray<long>[] grid) =>
        grid.Select(shape => OnRows("Softmax", shape, (graph, value) => graph.Apply("Softmax", [graph.Operand(value)], NodeAttribute.Of("axis", -1L))));

    private static IEnumerable<CostCase> Where(params ImmutableArray<long>[] grid) => grid.Select(shape => new CostCase(
        "Where", string.Join('×', shape),
        (graph, count) =>
        {
            var mask = graph.Input(ElementType.Boolean, shape);
            var other = graph.Operand(graph.Input(shape));
            CaseModels.Chain(
                source => source.Input(shape),
                (chain, value, _) => chain.Apply("Where", [mask, chain.Operand(value), other]),
                (_, value) => value)(graph, count);
        },
        _ => new(1, Elements(shape), Elements(shape))));

    private static IEnumerable<CostCase> FloatAlone(string opType) => InFloat(opType, (graph, value, _) => graph.Apply(opType, [value]));

    private static IEnumerable<CostCase> InFloat(string kind, Func<CaseGraph, Value, ImmutableArray<long>, Value> step) =>
        Sequences.Select(shape => OnRows(kind, shape, (graph, value) => step(graph, value, shape)) with { Forms = [KernelForm.Float] });

    private static CostCase OnRows(string kind, ImmutableArray<long> shape, Func<CaseGraph, Value, Value> step) => new(
        kind, string.Join('×', shape),
        CaseModels.Chain(graph => graph.Input(shape), (graph, value, _) => step(graph, value), (_, value) => value),
        _ => new(1, Elements(shape), Elements(shape)));

    private static Value Scalar(CaseGraph graph, float value) => graph.Graph.AddInitializer("limit", TensorData.Scalar(value));

    private static NodeAttribute[] Window(long width, long stride, long padding) =>
    [
        NodeAttribute.Of("kernel_shape", [width, width]), NodeAttribute.Of("strides", [stride, stride]), NodeAttribute.Of("pads", [padding, padding, padding, padding]),
    ];

    private static double Elements((long Channels, long Plane) map) => map.Channels * map.Plane * map.Plane;

    private static double Elements(ImmutableArray<long> shape) => shape.Aggregate(1L, (product, length) => product * length);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
