using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>What lies between layers, and graphs of unusual form.</summary>
internal static class StructureCases
{
    private static readonly ImmutableArray<GeneratedInput> Image = [new("x", [1, 8, 6, 6])];

    public static IEnumerable<GeneratedCase> All => [.. Between, .. BehindActivations, .. Graphs, .. Inputs];

    public static IEnumerable<GeneratedCase> Between =>
    [
        InBetween("Pad", (graph, x, _) => Node(graph, "Pad", x, Longs(graph, 0, 0, 1, 2, 0, 0, 2, 0))),
        InBetween("Slice", (graph, x, _) => Node(graph, "Slice", x, Longs(graph, 1, 0), Longs(graph, 6, 5), Longs(graph, 2, 3), Longs(graph, 2, 1))),
        InBetween("Transpose", (graph, x, _) => Node(graph, "Transpose", x).Set("perm", [0L, 1, 3, 2])),
        InBetween("Reshape", (graph, x, _) => Node(graph, "Reshape", x, Longs(graph, 0, 8, 4, 9))),
        InBetween("Resize", (graph, x, _) => Node(graph, "Resize", x, null, graph.AddInitializer("scales", TensorData.Vector(1f, 1, 2, 3)))
            .Set("mode", "nearest").Set("coordinate_transformation_mode", "asymmetric").Set("nearest_mode", "floor")),
        InBetween("Split", (graph, x, random) =>
        {
            var halves = graph.AddNode("Split", [x, Longs(graph, 5, 3)], [graph.AddValue("first"), graph.AddValue("second")], null).Set("axis", 1L);
            return Node(graph, "Concat", halves.Outputs[1], halves.Outputs[0]).Set("axis", 1L);
        }),
        InBetween("Concat", (graph, x, random) => Node(graph, "Concat", x, Conv(graph, graph.Inputs[0], random, 8, 8)).Set("axis", 1L), 16) with { Int8 = ["Conv", "Concat"] },
        InBetween("Add", (graph, x, random) => Node(graph, "Add", x, Conv(graph, graph.Inputs[0], random, 8, 8))) with { Steps = 3, Int8 = ["Conv", "Add"] },
        InBetween("Add of an average", (graph, x, random) => Node(graph, "Add", x, Node(graph, "GlobalAveragePool", Conv(graph, graph.Inputs[0], random, 8, 8)).Output)) with { Steps = 4, Int8 = ["Conv", "Add"] },
        InBetween("Add of a constant", (graph, x, random) => Node(graph, "Add", x, graph.AddInitializer("c", random.Random(8, 6, 1)))) with { Steps = 3, Int8 = ["Conv", "Add"] },
        InBetween("Mul", (graph, x, random) => Node(graph, "Mul", x, Conv(graph, graph.Inputs[0], random, 8, 8))) with { Steps = 3, Int8 = ["Conv", "Mul"] },
        InBetween("Sigmoid", (graph, x, _) => Node(graph, "Sigmoid", x)) with { Steps = 3, Int8 = ["Conv", "Sigmoid"] },
        InBetween("Sigmoid and Mul", (graph, x, _) => Node(graph, "Mul", x, Node(graph, "Sigmoid", x).Output)) with { Steps = 4, Int8 = ["Conv", "Mul", "Sigmoid"] },
        InBetween("LeakyRelu", (graph, x, _) => Node(graph, "LeakyRelu", x).Set("alpha", 0.2f)) with { Steps = 3, Int8 = ["Conv", "LeakyRelu"] },
        InBetween("GlobalAveragePool", (graph, x, _) => Node(graph, "GlobalAveragePool", x)) with { Steps = 3, Int8 = ["Conv", "GlobalAveragePool"] },
    ];

    /// <summary>With what becomes part of the layer before it, where zero points are not all 0.</summary>
    public static IEnumerable<GeneratedCase> BehindActivations =>
    [
        InBetween("Relu", (graph, x, _) => Node(graph, "Relu", x)),
        InBetween("MaxPool behind a Relu", (graph, x, _) => Node(graph, "MaxPool", Node(graph, "Relu", x).Output).Set("kernel_shape", [3L, 2]).Set("strides", [2L, 1]).Set("pads", [1L, 0, 0, 1])),
        InBetween("Concat of a Relu and none", (graph, x, random) => Node(graph, "Concat", x, Node(graph, "Relu", Conv(graph, graph.Inputs[0], random, 8, 8)).Output).Set("axis", 1L), 16) with { Int8 = ["Conv", "Concat"] },
        InBetween("Concat of two Relus", (graph, x, random) => Node(graph, "Concat", Node(graph, "Relu", x).Output, Node(graph, "Relu", Conv(graph, graph.Inputs[0], random, 8, 8)).Output).Set("axis", 1L), 16) with { Int8 = ["Conv", "Concat"] },
        InBetween("Clip", (graph, x, _) => Node(graph, "Clip", x, graph.AddInitializer("low", TensorData.Scalar(0f)), graph.AddInitializer("high", TensorData.Scalar(2f)))),
    ];

    public static IEnumerable<GeneratedCase> Graphs =>
    [
        new("Two Gemms that share their weights, one of them transposed", [new("x", [4, 16])], (graph, random) =>
        {
            var weights = graph.AddInitializer("tied", random.Random(16, 16));
            var hidden = Node(graph, "Relu", Node(graph, "Gemm", graph.Inputs[0], weights).Output).Output;
            return [Node(graph, "Gemm", hidden, weights).Set("transB", 1L).Output];
        }) { Int8 = ["Gemm", "Gemm"], Steps = 3 },
        new("Weights and bias from Constant nodes", Image, (graph, random) =>
        {
            Value Constant(TensorData data) => graph.AddNode("Constant", [], "constant").Set(NodeAttribute.Of("value", data)).Output;
            return [Node(graph, "Conv", graph.Inputs[0], Constant(random.Random(16, 8, 3, 3)), Constant(random.Random(16))).Output];
        }) { Int8 = ["Conv"] },
        new("Weights that are inputs of the graph", Image, (graph, random) =>
        {
            var weights = graph.AddInput("w");
            weights.Constant = random.Random(16, 8, 3, 3);
            weights.Declare(ElementType.Float, [16, 8, 3, 3]);
            return [Node(graph, "Conv", graph.Inputs[0], weights).Output];
        }) { Int8 = ["Conv"], Opset = 9 },
        new("An output that is read inside", Image, (graph, random) =>
        {
            var inner = Node(graph, "Relu", Conv(graph, graph.Inputs[0], random, 16, 8)).Output;
            return [inner, Conv(graph, inner, random, 8, 16), Node(graph, "Relu", inner).Output];
        }) { Int8 = ["Conv", "Conv"], Steps = 3 },
        new("An output twice over", Image, (graph, random) =>
        {
            var conv = Conv(graph, graph.Inputs[0], random, 16, 8);
            return [conv, Node(graph, "Identity", conv).Output];
        }) { Int8 = ["Conv"] },
        new("An optional input left out before one that is not", Image, (graph, random) =>
        {
            var conv = Conv(graph, graph.Inputs[0], random, 8, 8);
            var six = graph.AddInitializer("six", TensorData.Scalar(1f));
            return [Conv(graph, graph.AddNode("Clip", [conv, null, six], "clipped").Output, random, 8, 8)];
        }) { Int8 = ["Conv", "Conv"], Steps = 3 },
        new("A dead channel and an outlier", Image, (graph, random) =>
        {
            var weights = random.Random(16, 8, 3, 3).ToFloats();
            Array.Clear(weights, 0, 72);
            weights[100] = 40;
            return [Node(graph, "Conv", graph.Inputs[0], graph.AddInitializer("w", TensorData.Create<float>([16, 8, 3, 3], weights)), graph.AddInitializer("b", random.Random(16))).Output];
        }) { Int8 = ["Conv"], LowestSqnrDb = 25 },
    ];

    public static IEnumerable<GeneratedCase> Inputs =>
    [
        new("Two images", [new("x", [1, 8, 6, 6]), new("gpu_0/x:1", [1, 8, 6, 6]) { OpenAxes = [0, 2] }], (graph, random) =>
        {
            var sum = Node(graph, "Add", Conv(graph, graph.Inputs[0], random, 8, 8), Conv(graph, graph.Inputs[1], random, 8, 8)).Output;
            return [Conv(graph, sum, random, 8, 8)];
        }) { Int8 = ["Conv", "Conv", "Add", "Conv"], Steps = 4 },
        new("Words by their numbers", [new("ids", [2, 5]) { Type = ElementType.Int64, Classes = 11, OpenAxes = [0, 1] }], (graph, random) =>
        {
            var words = Node(graph, "Gather", graph.AddInitializer("table", random.Random(11, 16)), graph.Inputs[0]).Output;
            return [Node(graph, "MatMul", words, graph.AddInitializer("w", random.Random(16, 12))).Output];
        }) { Int8 = ["Gather", "MatMul"] },
        new("Words and an image", [new("ids", [3]) { Type = ElementType.Int64, Classes = 7 }, new("x", [3, 16])], (graph, random) =>
        {
            var words = Node(graph, "Gather", graph.AddInitializer("table", random.Random(7, 16)), graph.Inputs[0]).Output;
            var mixed = Node(graph, "Mul", words, graph.Inputs[1]).Output;
            return [Node(graph, "Gemm", mixed, graph.AddInitializer("w", random.Random(16, 12))).Output];
        }) { Int8 = ["Gather", "Gemm"] },
    ];

    /// <summary>What stays float on processors that take longer with it on integers.</summary>
    public static IEnumerable<GeneratedCase> Portable =>
    [
        InBetween("AveragePool", (graph, x, _) => Node(graph, "AveragePool", x).Set("kernel_shape", [3L, 2]).Set("strides", [2L, 1]).Set("pads", [1L, 0, 0, 1])) with { Steps = 3, Int8 = ["Conv", "AveragePool"] },
        InBetween("Softmax", (graph, x, _) => Node(graph, "Softmax", x).Set("axis", -1L)) with { Steps = 3, Int8 = ["Conv", "Softmax"] },
        InBetween("Where", (graph, x, random) =>
        {
            var mask = graph.AddInitializer("mask", TensorData.Create<bool>([6, 1], [true, false, true, true, false, false]));
            return Node(graph, "Where", mask, x, Conv(graph, graph.Inputs[0], random, 8, 8));
        }) with { Steps = 3, Int8 = ["Conv", "Where"] },
    ];

    /// <summary>20 dB are what the engine itself holds every output to.</summary>
    private static GeneratedCase InBetween(string name, Func<Graph, Value, TinyModels, Node> middle, int channels = 8) =>
        new($"{name} between Convs", Image, (graph, random) =>
        {
            var before = Conv(graph, graph.Inputs[0], random, 8, 8);
            return [Conv(graph, middle(graph, before, random).Output, random, 8, channels)];
        })
        { Int8 = ["Conv", "Conv"], Steps = 2, LowestSqnrDb = 20 };

    private static Node Node(Graph graph, string opType, params Value?[] inputs) => graph.AddNode(opType, inputs, opType + "_y");

    private static Value Longs(Graph graph, params long[] values) => graph.AddInitializer("longs", TensorData.Vector<long>(values));

    private static Value Conv(Graph graph, Value x, TinyModels random, int outputs, int inputs) =>
        Node(graph, "Conv", x, graph.AddInitializer("w", random.Random(outputs, inputs, 1, 1)), graph.AddInitializer("b", random.Random(outputs))).Output;
}
