using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Tests.Layers;

/// <summary>The rows of a layer's input times the rows of its weights are what ONNX Runtime makes of both.</summary>
internal sealed class LayerGeometryTests
{
    private static readonly TestCaseData[] Layers =
    [
        new TestCaseData("", new long[] { 6, 4, 3, 3 }, new long[] { 2, 4, 7, 5 }).SetArgDisplayNames("plain"),
        new TestCaseData("strides=2,1 pads=1,0,2,1", new long[] { 6, 4, 3, 2 }, new long[] { 2, 4, 8, 6 }).SetArgDisplayNames("strides and pads"),
        new TestCaseData("dilations=2,2 group=2", new long[] { 6, 2, 2, 3 }, new long[] { 1, 4, 9, 8 }).SetArgDisplayNames("dilated, in two groups"),
        new TestCaseData("group=4 pads=1,1,1,1", new long[] { 8, 1, 3, 3 }, new long[] { 1, 4, 5, 6 }).SetArgDisplayNames("depthwise"),
        new TestCaseData("auto_pad=SAME_UPPER strides=2,2", new long[] { 3, 2, 3, 3 }, new long[] { 1, 2, 6, 7 }).SetArgDisplayNames("SAME_UPPER"),
        new TestCaseData("strides=2", new long[] { 3, 2, 4 }, new long[] { 2, 2, 11 }).SetArgDisplayNames("one axis"),
        new TestCaseData("pads=0,1,0,0,1,1", new long[] { 3, 2, 2, 3, 2 }, new long[] { 1, 2, 4, 5, 3 }).SetArgDisplayNames("three axes"),
    ];

    [TestCaseSource(nameof(Layers))]
    public void Convolution_RowsTimesWeights_AreItsOutput(string attributes, long[] weights, long[] input) => Check("Conv", attributes, weights, input);

    [TestCase("MatMul", "", new long[] { 5, 3 }, new long[] { 2, 4, 5 })]
    [TestCase("Gemm", "", new long[] { 5, 3 }, new long[] { 4, 5 })]
    [TestCase("Gemm", "transB=1", new long[] { 3, 5 }, new long[] { 4, 5 })]
    public void Product_RowsTimesWeights_AreItsOutput(string opType, string attributes, long[] weights, long[] input) => Check(opType, attributes, weights, input);

    [Test]
    public void Sample_FewerRowsThanThereAre_AreEvenlySpread()
    {
        var geometry = new MatrixGeometry(1, 2, false);

        var (count, columns) = geometry.Sample([.. Enumerable.Range(0, 200).Select(index => (float)index)], [100, 2], RowSampling.Of(4, 0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(count, Is.EqualTo(4));
            Assert.That(columns, Is.EqualTo(new float[] { 24, 74, 124, 174, 25, 75, 125, 175 }));
        }
    }

    [Test]
    public void Weights_OfRows_AreTheWeights()
    {
        var node = Layer("Gemm", "", [5, 3], [4, 5]).Graph.Nodes[0];
        var (geometry, weights) = (LayerGeometry.Of(node)!, node.Input(1)!.Constant!);

        Assert.That(geometry.Weights(weights, geometry.Rows(weights)).ToFloats(), Is.EqualTo(weights.ToFloats()));
    }

    private static void Check(string opType, string attributes, long[] weights, long[] shape)
    {
        var model = Layer(opType, attributes, weights, shape);
        var node = model.Graph.Nodes[0];
        var geometry = LayerGeometry.Of(node)!;
        float[] input = Floats(shape, 2);
        var expected = Run(model, shape, input);
        // Channels last, as rows come
        var (channels, inner) = opType == "Conv" ? (weights[0], (int)(expected.Length / shape[0] / weights[0])) : (geometry.Channels, 1);

        var (count, columns) = geometry.Sample(input, shape, RowSampling.Of(int.MaxValue, 0));

        Assert.That(count * geometry.Channels, Is.EqualTo(expected.Length));
        var rows = geometry.Rows(node.Input(1)!.Constant!);
        for (var i = 0; i < expected.Length; i++)
        {
            var (row, channel) = ((int)(i / (channels * inner) * inner) + (i % inner), (int)(i / inner % channels));
            var start = channel / geometry.ChannelsOfGroup * geometry.Depth;
            var sum = Enumerable.Range(0, geometry.Depth).Sum(index => rows[(channel * geometry.Depth) + index] * columns[((start + index) * count) + row]);
            Assert.That(sum, Is.EqualTo(expected[i]).Within(1e-4), $"row {row}, channel {channel}");
        }
    }

    private static Model Layer(string opType, string attributes, long[] weights, long[] shape)
    {
        var model = Model.Create("layer", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [.. shape.Select(length => (long?)length)]);
        var node = model.Graph.AddNode(opType, [input, model.Graph.AddInitializer("w", TensorData.Create<float>([.. weights], Floats(weights, 1)))], "y");
        foreach (var pair in attributes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('=')))
        {
            _ = pair[0] switch
            {
                "auto_pad" => node.Set(pair[0], pair[1]),
                "group" or "transB" => node.Set(pair[0], long.Parse(pair[1], System.Globalization.CultureInfo.InvariantCulture)),
                _ => node.Set(pair[0], [.. pair[1].Split(',').Select(text => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture))]),
            };
        }

        model.Graph.SetOutputs([node.Output]);
        return model;
    }

    private static float[] Floats(long[] dimensions, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, (int)dimensions.Aggregate(1L, (product, length) => product * length)).Select(_ => (float)random.NextDouble() - 0.5f)];
    }

    private static float[] Run(Model model, long[] shape, float[] input)
    {
        using var session = InferenceModel.Load(model, Optimization.None);
        var output = Array.Empty<float>();
        session.Run(new SampleInputs(ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([.. shape], input))), ["y"], (_, _, _, bytes) => output = MemoryMarshal.Cast<byte, float>(bytes).ToArray());
        return output;
    }
}
