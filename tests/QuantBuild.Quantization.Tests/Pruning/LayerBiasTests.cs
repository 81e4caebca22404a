using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>What is added to the channels of a Gemm is added to all rows of its output, in whatever way its bias is broadcast.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class LayerBiasTests
{
    private const int Rows = 3;

    private static readonly float[] Shifts = [10, 20, 30];

    [TestCase(new long[] { 3 }, new long[] { 3 })]
    [TestCase(new long[] { 1, 3 }, new long[] { 1, 3 })]
    [TestCase(new long[] { }, new long[] { 3 })]
    [TestCase(new long[] { 1 }, new long[] { 3 })]
    [TestCase(new long[] { 1, 1 }, new long[] { 3 })]
    [TestCase(new long[] { Rows, 1 }, new long[] { Rows, 3 })]
    [TestCase(new long[] { Rows, 3 }, new long[] { Rows, 3 })]
    public void Shift_Bias_AddsToEveryRow(long[] shape, long[] expected)
    {
        var model = Build(shape, 3);
        var x = ImmutableDictionary<string, TensorData>.Empty.Add("x", new TinyModels().Random(Rows, 2));
        var before = TinyModels.Run(OnnxFile.ToBytes(model), x).ToFloats();

        LayerBias.Shift(model.Graph.Nodes.Single(), Shifts);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes.Single().Input(2)!.Constant!.Dimensions, Is.EqualTo(expected));
            Assert.That(TinyModels.Run(OnnxFile.ToBytes(model), x).ToFloats(), Is.EqualTo(before.Select((value, index) => value + Shifts[index % 3])).Within(1e-5));
        }
    }

    [Test]
    public void Shift_OneChannelOfManyRows_KeepsTheRows()
    {
        var model = Build([Rows, 1], 1);

        LayerBias.Shift(model.Graph.Nodes.Single(), [10]);

        Assert.That(model.Graph.Nodes.Single().Input(2)!.Constant!.ToFloats(), Is.EqualTo(new float[] { 11, 12, 13 }));
    }

    /// <summary>A Gemm whose bias has the elements 1, 2, 3, …</summary>
    private static Model Build(long[] shape, int channels) => TinyModels.Build(13, [Rows, 2], (graph, x) =>
    {
        float[] bias = [.. Enumerable.Range(1, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(value => (float)value)];
        float[] weights = [.. Enumerable.Range(0, 2 * channels).Select(value => value - 2.5f)];
        return graph.AddNode("Gemm", [x, graph.AddInitializer("w", TensorData.Create<float>([2, channels], weights)), graph.AddInitializer("b", TensorData.Create<float>([.. shape], bias))], "y").Output;
    });
}
