using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>A model of one operator as it was written at <paramref name="Opset"/>, from input x of shape [2,4,5,6] to what <paramref name="Build"/> returns.</summary>
internal sealed record RaiseCase(string OpType, long Opset, Func<Graph, Value, Value> Build)
{
    public string Name { get; init; } = "";

    public static ImmutableArray<long> Shape => [2, 4, 5, 6];

    public Model Model() => TinyModels.Build(Opset, [2, 4, 5, 6], Build);

    public override string ToString() => $"{OpType}{(Name.Length > 0 ? $" {Name}" : "")} @{Opset}";
}

/// <summary>At least one case for each row of the adapters' table; the operators are spelt as in the years of their opsets.</summary>
internal static class RaiseCases
{
    private static readonly float[] Four = [0.5f, 1.5f, 0.75f, 2f];

    public static IEnumerable<RaiseCase> All =>
    [
        Unary("Reshape", 4, NodeAttribute.Of("shape", [2L, -1, 6])),
        new("BatchNormalization", 8, (graph, x) => Normalize(graph, x, Positions(graph, 4, 5, 6)).Set("spatial", 0L).Output) { Name = "a position" },
        new("BatchNormalization", 8, (graph, x) => Normalize(graph, x, Positions(graph, 4)).Set("spatial", 1L).Output) { Name = "a channel" },
        new("BatchNormalization", 13, (graph, x) =>
            WithOutputs(graph, "BatchNormalization", [x, .. Positions(graph, 4)], 5).Set("momentum", 0.5f).Output) { Name = "training" },
        Unary("MeanVarianceNormalization", 8),
        Unary("MeanVarianceNormalization", 8, NodeAttribute.Of("across_channels", 1L)) with { Name = "across channels" },
        Unary("MeanVarianceNormalization", 8, NodeAttribute.Of("normalize_variance", 0L)) with { Name = "mean only" },
        Unary("Upsample", 8, NodeAttribute.Of("scales", [1f, 1, 2, 1.5f])),
        Unary("Upsample", 8, NodeAttribute.Of("scales", [1f, 1, 2, 1.5f]), NodeAttribute.Of("mode", "linear")) with { Name = "linear" },
        Scaled("Upsample", 9, "nearest", 1, 1, 2, 3),
        Scaled("Resize", 10, "nearest", 1, 1, 1.7f, 2),
        Scaled("Resize", 10, "nearest", 1, 1, 0.5f, 0.6f) with { Name = "shrinking" },
        Scaled("Resize", 10, "nearest", 1, 1, 1.3f, 0.7f) with { Name = "both ways" },
        Scaled("Resize", 10, "linear", 1, 1, 1.3f, 0.7f) with { Name = "linear" },
        Unary("Slice", 9, NodeAttribute.Of("starts", [1L, -3]), NodeAttribute.Of("ends", [3L, -1]), NodeAttribute.Of("axes", [1L, 3])),
        Unary("Slice", 9, NodeAttribute.Of("starts", [0L, 1]), NodeAttribute.Of("ends", [2L, 100])) with { Name = "first axes" },
        new("TopK", 9, (graph, x) => WithOutputs(graph, "TopK", [x], 2).Set("k", 2L).Set("axis", 1L).Output),
        Unary("Affine", 9, NodeAttribute.Of("alpha", 0.5f), NodeAttribute.Of("beta", 1.5f)),
        Unary("Crop", 9, NodeAttribute.Of("border", [1L, 0, 2, 1])),
        Unary("Crop", 9, NodeAttribute.Of("border", [1L, 2, 1, 1]), NodeAttribute.Of("scale", [2L, 3])) with { Name = "to a size" },
        new("DynamicSlice", 9, (graph, x) => graph.AddNode(
            "DynamicSlice", [x, Longs(graph, 1, 2), Longs(graph, 3, -1), Longs(graph, 1, 3)], "y").Output),
        Unary("ImageScaler", 9, NodeAttribute.Of("scale", 2f), NodeAttribute.Of("bias", [0.1f, 0.2f, 0.3f, 0.4f])),
        Unary("ParametricSoftplus", 9, NodeAttribute.Of("alpha", 0.5f), NodeAttribute.Of("beta", 1.5f)),
        Unary("Scale", 9, NodeAttribute.Of("scale", 1.5f)),
        Unary("ScaledTanh", 9, NodeAttribute.Of("alpha", 0.5f), NodeAttribute.Of("beta", 1.5f)),
        Unary("Clip", 10, NodeAttribute.Of("min", -0.5f)),
        Unary("Clip", 6, NodeAttribute.Of("max", 0.5f)) with { Name = "from above" },
        Unary("Pad", 10, NodeAttribute.Of("pads", [0L, 0, 1, 2, 0, 0, -1, 1]), NodeAttribute.Of("value", 1.5f)),
        Unary("Pad", 2, NodeAttribute.Of("pads", [0L, 0, 1, 2, 0, 0, 2, 1]), NodeAttribute.Of("mode", "reflect")) with { Name = "mirrored" },
        new("Scatter", 10, (graph, x) => graph.AddNode(
            "Scatter", [x, graph.AddInitializer("i", TensorData.Create<long>([1, 2, 1, 1], [3L, 0L])), graph.AddInitializer("u", TensorData.Create<float>([1, 2, 1, 1], [9f, 8f]))], "y").Set("axis", 1L).Output),
        Unary("Dropout", 11, NodeAttribute.Of("ratio", 0.3f)),
        new("Dropout", 9, (graph, x) => MaskedBy(graph, x, mask => mask)) { Name = "whose mask is read" },
        new("Dropout", 11, (graph, x) => MaskedBy(graph, x, mask => graph.AddNode("Cast", [mask], "m").Set("to", (long)ElementType.Float).Output)) { Name = "whose mask is read" },
        new("Squeeze", 12, (graph, x) => Add(graph, "Squeeze", Add(graph, "ReduceMax", x, NodeAttribute.Of("axes", [1L])), NodeAttribute.Of("axes", [-3L]))),
        Unary("Unsqueeze", 12, NodeAttribute.Of("axes", [0L, 2])),
        Unary("ReduceSum", 12, NodeAttribute.Of("axes", [0L, 2]), NodeAttribute.Of("keepdims", 0L)),
        new("Split", 12, (graph, x) => WithOutputs(graph, "Split", [x], 2).Set("axis", 1L).Set("split", [1L, 3]).Outputs[1]!),
        new("Split", 17, (graph, x) => WithOutputs(graph, "Split", [x], 2).Set("axis", 1L).Outputs[1]!) { Name = "into equal parts" },
        .. new[] { "Softmax", "LogSoftmax", "Hardmax" }.SelectMany(type => new[] { Unary(type, 12, NodeAttribute.Of("axis", 2L)), Unary(type, 1, NodeAttribute.Of("axis", 3L)) with { Name = "last" } }),
        new("RoiAlign", 15, (graph, x) => graph.AddNode(
            "RoiAlign", [x, graph.AddInitializer("rois", TensorData.Create<float>([1, 4], [0.5f, 0.2f, 4.1f, 3.7f])), Longs(graph, 0)], "y").Set("output_height", 2L).Set("output_width", 2L).Output),
        .. new[] { "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceLogSumExp" }
            .Select(type => Unary(type, 17, NodeAttribute.Of("axes", [1L, -1]), NodeAttribute.Of("keepdims", 0L))),
        new("ReduceLogSum", 17, (graph, x) => Add(graph, "ReduceLogSum", Add(graph, "Exp", x), NodeAttribute.Of("axes", [1L]))),
        new("DFT", 19, (graph, x) => graph.AddNode("DFT", [Add(graph, "Unsqueeze", x, Longs(graph, 4))], "y").Set("axis", 2L).Output),
        .. new[] { "bilinear", "bicubic", "nearest" }.Select(mode => new RaiseCase("GridSample", 19, (graph, x) => graph.AddNode(
            "GridSample", [x, graph.AddInitializer("grid", TensorData.Create<float>([2, 1, 2, 2], [0f, 0.3f, -0.4f, 0.9f, 0.1f, 0.2f, -0.7f, -0.1f]))], "y").Set("mode", mode).Output) { Name = mode }),
        new("GroupNormalization", 20, (graph, x) => graph.AddNode(
            "GroupNormalization", [x, graph.AddInitializer("scale", TensorData.Vector(0.5f, 2f)), graph.AddInitializer("bias", TensorData.Vector(1f, -1f))], "y").Set("num_groups", 2L).Output),
    ];

    private static Value MaskedBy(Graph graph, Value x, Func<Value, Value> read)
    {
        var dropout = WithOutputs(graph, "Dropout", [x], 2).Set("ratio", 0.3f);
        return graph.AddNode("Add", [dropout.Output, read(dropout.Outputs[1]!)], "y").Output;
    }

    private static RaiseCase Unary(string opType, long opset, params NodeAttribute[] attributes) =>
        new(opType, opset, (graph, x) => Add(graph, opType, x, attributes));

    private static RaiseCase Scaled(string opType, long opset, string mode, params float[] scales) =>
        new(opType, opset, (graph, x) => graph.AddNode(opType, [x, graph.AddInitializer("scales", TensorData.Vector<float>(scales))], "y").Set("mode", mode).Output);

    private static Value Add(Graph graph, string opType, Value x, params NodeAttribute[] attributes)
    {
        var node = graph.AddNode(opType, [x], opType + "_y");
        Array.ForEach(attributes, attribute => node.Set(attribute));
        return node.Output;
    }

    private static Value Add(Graph graph, string opType, Value x, Value second) => graph.AddNode(opType, [x, second], opType + "_y").Output;

    public static Node WithOutputs(Graph graph, string opType, IEnumerable<Value?> inputs, int outputs) =>
        graph.AddNode(opType, inputs, [.. Enumerable.Range(0, outputs).Select(_ => graph.AddValue("y"))]);

    private static Value Longs(Graph graph, params long[] values) => graph.AddInitializer("longs", TensorData.Vector<long>(values));

    /// <summary>Scale, bias, mean and variance.</summary>
    private static Value[] Positions(Graph graph, params ImmutableArray<long> shape)
    {
        var count = shape.Aggregate(1L, (product, length) => product * length);
        return [.. new[] { 1f, 0.2f, -0.1f, 0.7f }.Select(offset => graph.AddInitializer(
            "statistic", TensorData.Create<float>(shape, [.. Enumerable.Range(0, (int)count).Select(index => offset + (Four[index % 4] * (offset + 0.3f)))])))];
    }

    private static Node Normalize(Graph graph, Value x, Value[] statistics) => graph.AddNode("BatchNormalization", [x, .. statistics], "y");
}
