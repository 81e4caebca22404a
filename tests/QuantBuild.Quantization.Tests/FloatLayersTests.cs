using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Rewriting;

namespace QuantBuild.Quantization.Tests;

/// <summary>ONNX Runtime makes no integers of the weights of layers that are to be float.</summary>
internal sealed class FloatLayersTests
{
    [TestCase("", "", true, TestName = "{m}(between a DQ and a Q)")]
    [TestCase("Transpose", "", true, TestName = "{m}(behind what moves elements)")]
    [TestCase("", "Relu", true, TestName = "{m}(in front of an activation)")]
    [TestCase("Tanh", "", false, TestName = "{m}(behind a float operator)")]
    [TestCase("", "Tanh", false, TestName = "{m}(in front of a float operator)")]
    public void FloatConvolution_RunsInFloat(string before, string behind, bool isGuarded)
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(13, [1, 4, 8, 8], (graph, x) =>
        {
            var read = Optional(graph, before, Rounded(graph, x, "x"));
            var layer = graph.AddNode("Conv", [read, graph.AddInitializer("w", tiny.Random(4, 4, 3, 3))], "layer").Output;
            return Rounded(graph, Optional(graph, behind, layer), "y");
        });

        FloatLayers.Keep(model);
        FloatLayers.Keep(model);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes.Count(node => node.OpType == "Clip"), Is.EqualTo(isGuarded ? 1 : 0));
            Assert.That(OptimizedModel.Read(model, optimized => optimized.Graph.Nodes.Count(node => node.OpType is "Conv" or "FusedConv")), Is.EqualTo(1));
        }
    }

    /// <summary>The limits of Clip are attributes there.</summary>
    [Test]
    public void GuardOfOpset10_IsLoaded()
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(10, [1, 4, 8, 8], (graph, x) =>
            Rounded(graph, graph.AddNode("Conv", [Rounded(graph, x, "x"), graph.AddInitializer("w", tiny.Random(4, 4, 3, 3))], "layer").Output, "y"));

        FloatLayers.Keep(model);

        Assert.That(OptimizedModel.Read(model, optimized => optimized.Graph.Nodes.Select(node => node.OpType).ToArray()), Has.Some.EqualTo("Clip").And.Some.EqualTo("Conv"));
    }

    [Test]
    public void TransposedConvolution_BetweenInt8Layers_KeepsItsWeights()
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(13, [1, 16, 8, 8], (graph, x) =>
        {
            var a = graph.AddNode("Conv", [x, graph.AddInitializer("a_w", tiny.Random(16, 16, 3, 3))], "a").Output;
            var up = graph.AddNode("ConvTranspose", [a, graph.AddInitializer("up_w", tiny.Random(16, 16, 2, 2))], "up").Output;
            return graph.AddNode("Conv", [up, graph.AddInitializer("b_w", tiny.Random(16, 16, 3, 3))], "b").Output;
        });

        var report = tiny.Quantize(model, [1, 16, 8, 8]).Result.Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Operators.Select(row => (row.Name, row.Decision)), Is.EqualTo([("a", Reports.OperatorDecision.Int8), ("up", Reports.OperatorDecision.Float), ("b", Reports.OperatorDecision.Int8)]));
            Assert.That(report.Audit!.LeftOver, Is.Empty);
        }
    }

    /// <summary>Behind a Q and a DQ of its own.</summary>
    internal static Value Rounded(Graph graph, Value value, string name)
    {
        Value?[] parameters = [graph.AddInitializer(name + "_scale", TensorData.Scalar(0.02f)), graph.AddInitializer(name + "_zero", TensorData.Create<byte>([], [128]))];
        return graph.AddNode("DequantizeLinear", [graph.AddNode("QuantizeLinear", [value, .. parameters], name + "_q").Output, .. parameters], name + "_dq").Output;
    }

    private static Value Optional(Graph graph, string type, Value value) => type switch
    {
        "" => value,
        "Transpose" => graph.AddNode(type, [value], "between").Set("perm", [0L, 1, 3, 2]).Output,
        _ => graph.AddNode(type, [value], "between").Output,
    };
}
