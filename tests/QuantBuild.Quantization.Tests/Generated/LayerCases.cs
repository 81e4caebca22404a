using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>One layer each, with attributes that are drawn.</summary>
internal static class LayerCases
{
    public static IEnumerable<GeneratedCase> All => [.. Convolutions, .. Gemms, .. MatMuls, .. Transposed];

    /// <summary>Weights that are divided into whole blocks, into blocks of which the last is short, and into one.</summary>
    public static IEnumerable<GeneratedCase> Blocks =>
        from opset in new[] { 13L, 21 }
        from inputs in new[] { 16L, 64, 80 }
        from opType in new[] { "MatMul", "Gemm" }
        select new GeneratedCase($"{opType} over {inputs}, opset {opset}", [new("x", [3, inputs])], (graph, random) =>
            [graph.AddNode(opType, [graph.Inputs[0], graph.AddInitializer("w", random.Random(inputs, 16))], "y").Output])
        { Int8 = [opType], Opset = opset };

    /// <summary>Steps of the state, which the kernel rounds again each time.</summary>
    public static IEnumerable<GeneratedCase> Recurrent =>
        from direction in new[] { "forward", "reverse", "bidirectional" }
        select new GeneratedCase($"LSTM, {direction}", [new("x", [3, 2, 12])], (graph, random) =>
        {
            var directions = direction == "bidirectional" ? 2 : 1;
            Value?[] inputs = [graph.Inputs[0], graph.AddInitializer("w", random.Random(directions, 256, 12)), graph.AddInitializer("r", random.Random(directions, 256, 64)), graph.AddInitializer("b", random.Random(directions, 512))];
            return [graph.AddNode("LSTM", inputs, "y").Set("hidden_size", 64L).Set("direction", direction).Output];
        })
        { Int8 = ["LSTM"], LowestSqnrDb = 25, Steps = 6 };

    private static IEnumerable<GeneratedCase> Convolutions =>
        from dimensions in new[] { 1, 2, 3 }
        from grouping in new[] { "one group", "two groups", "depthwise" }
        from seed in new[] { 0, 1 }
        select Convolution(dimensions, grouping, (dimensions * 100) + (grouping.Length * 10) + seed);

    private static IEnumerable<GeneratedCase> Gemms =>
        from bias in new[] { "none", "(N)", "(1,N)", "(1)", "zero" }
        from transA in new[] { 0L, 1 }
        from transB in new[] { 0L, 1 }
        from scaled in new[] { false, true }
        select Gemm(bias, transA, transB, scaled);

    public static IEnumerable<GeneratedCase> MatMuls =>
        from shape in new ImmutableArray<long>[] { [24], [3, 24], [2, 3, 24], [2, 2, 3, 24] }
        select new GeneratedCase($"MatMul of rank {shape.Length}", [new("x", shape)], (graph, random) =>
            [graph.AddNode("MatMul", [graph.Inputs[0], graph.AddInitializer("w", random.Random(24, 16))], "y").Output])
        {
            Int8 = shape.Length == 1 ? [] : ["MatMul"],
            LowestSqnrDb = shape.Length == 1 ? 100 : 28,
        };

    private static IEnumerable<GeneratedCase> Transposed =>
        from groups in new[] { 1L, 2 }
        select new GeneratedCase($"ConvTranspose in {groups} groups, between Convs", [new("x", [1, 8, 5, 4])], (graph, random) =>
        {
            var conv = graph.AddNode("Conv", [graph.Inputs[0], graph.AddInitializer("w", random.Random(8, 8, 1, 1))], "before").Output;
            var wide = graph.AddNode("ConvTranspose", [conv, graph.AddInitializer("v", random.Random(8, 8 / groups, 3, 2))], "wide")
                .Set("group", groups).Set("strides", [2L, 1]).Set("pads", [1L, 0, 0, 1]).Output;
            return [graph.AddNode("Conv", [wide, graph.AddInitializer("u", random.Random(8, 8, 1, 1))], "after").Output];
        })
        { Int8 = ["Conv", "Conv"], Steps = 3 };

    private static GeneratedCase Convolution(int dimensions, string grouping, int seed)
    {
        var random = new Random(seed);
        var inputs = grouping == "depthwise" ? 8 : 16;
        var groups = grouping switch { "one group" => 1, "two groups" => 2, _ => inputs };
        long[] Draw(int least, int greatest) => [.. Enumerable.Range(0, dimensions).Select(_ => (long)random.Next(least, greatest + 1))];
        var (kernel, strides, dilations) = (Draw(1, 3), Draw(1, 2), Draw(1, 2));
        long[] pads = [.. Draw(0, 1), .. Draw(0, 1)];
        var bias = random.Next(3);
        return new($"Conv {dimensions}-D, {grouping}, {seed}", [new("x", [1, inputs, .. Draw(6, 8)]) { OpenAxes = seed % 2 == 0 ? [0] : [] }], (graph, tiny) =>
        {
            Value? addend = bias == 0 ? null : graph.AddInitializer("b", bias == 1 ? TensorData.Vector<float>(new float[16]) : tiny.Random(16));
            return [graph.AddNode("Conv", [graph.Inputs[0], graph.AddInitializer("w", tiny.Random([16, inputs / groups, .. kernel])), addend], "y")
                .Set("kernel_shape", [.. kernel]).Set("strides", [.. strides]).Set("dilations", [.. dilations]).Set("pads", [.. pads]).Set("group", (long)groups).Output];
        })
        { Int8 = ["Conv"] };
    }

    private static GeneratedCase Gemm(string bias, long transA, long transB, bool scaled) =>
        new($"Gemm transA={transA}, transB={transB}, bias {bias}{(scaled ? ", scaled" : "")}", [transA == 1 ? new("x", [24, 3]) { OpenAxes = [1] } : new("x", [3, 24]) { OpenAxes = [0] }], (graph, random) =>
        {
            var weights = graph.AddInitializer("w", transB == 1 ? random.Random(16, 24) : random.Random(24, 16));
            TensorData? addend = bias switch
            {
                "none" => null,
                "(N)" => random.Random(16),
                "(1,N)" => random.Random(1, 16),
                "(1)" => random.Random(1),
                _ => TensorData.Vector<float>(new float[16]),
            };
            var gemm = graph.AddNode("Gemm", [graph.Inputs[0], weights, addend is null ? null : graph.AddInitializer("b", addend)], "y").Set("transA", transA).Set("transB", transB);
            return [(scaled ? gemm.Set("alpha", 0.25f).Set("beta", 3f) : gemm).Output];
        })
        { Int8 = ["Gemm"] };
}
