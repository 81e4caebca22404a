using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Rewriting;
using static QuantBuild.Quantization.Tests.FloatLayersTests;

namespace QuantBuild.Quantization.Tests;

/// <summary>Where ONNX Runtime would leave a Q and a DQ in front of a float operator that joins two images, a guard keeps it from that.</summary>
internal sealed class FloatJoinsTests
{
    [TestCase("Add", "Tanh", "Relu", 1, TestName = "{m}(a sum with what is float)")]
    [TestCase("Mul", "Tanh", "", 1, TestName = "{m}(a product with what is float)")]
    [TestCase("Concat", "Tanh", "Relu", 1, TestName = "{m}(a Concat with what is float)")]
    [TestCase("Add", "Rounded", "Relu", 1, TestName = "{m}(a sum with what was rounded from float)")]
    [TestCase("Add", "Tanh", "Slice", 1, TestName = "{m}(a sum in front of a Slice)")]
    [TestCase("Add", "Conv", "Relu", 0, TestName = "{m}(a sum of two convolutions)")]
    [TestCase("Add", "Tanh", "Erf", 0, TestName = "{m}(nothing on integers behind)")]
    public void JoinInFloat_HasNoPairInFront(string join, string other, string behind, int guards)
    {
        var model = Build(join, other, behind, isInt8: false);

        FloatJoins.Keep(model);
        FloatJoins.Keep(model);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes.Count(node => node.OpType == "Clip"), Is.EqualTo(guards));
            Assert.That(OptimizedModel.Read(model, optimized => optimized.Graph.Nodes.Count(IsLeftOver)), Is.Zero);
        }
    }

    /// <summary>Otherwise the guards of the cases above would be for nothing.</summary>
    [TestCase("Add", "Tanh", "Relu")]
    [TestCase("Mul", "Tanh", "")]
    [TestCase("Concat", "Tanh", "Relu")]
    [TestCase("Add", "Rounded", "Relu")]
    [TestCase("Add", "Tanh", "Slice")]
    public void WithoutGuard_ThePairIsThere(string join, string other, string behind) =>
        Assert.That(OptimizedModel.Read(Build(join, other, behind, isInt8: false), optimized => optimized.Graph.Nodes.Count(IsLeftOver)), Is.EqualTo(1));

    [Test]
    public void JoinOnIntegers_StaysOnIntegers()
    {
        var model = Build("Add", "Rounded", "", isInt8: true);

        FloatJoins.Keep(model);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes.Select(node => node.OpType), Has.None.EqualTo("Clip"));
            Assert.That(OptimizedModel.Read(model, optimized => optimized.Graph.Nodes.Count(node => node.OpType == "QLinearAdd")), Is.EqualTo(1));
        }
    }

    /// <summary>DQ, Transpose and this Q.</summary>
    private static bool IsLeftOver(Node node) =>
        node.OpType == "QuantizeLinear" && node.Input(0)!.Producer is { OpType: "Transpose" } transpose && transpose.Input(0)!.Producer is { OpType: "DequantizeLinear" };

    private static Model Build(string join, string other, string behind, bool isInt8)
    {
        var tiny = new TinyModels();
        return TinyModels.Build(13, [1, 16, 8, 8], (graph, x) =>
        {
            var image = Convolution(graph, tiny, Rounded(graph, x, "x"), "first");
            var branch = other switch
            {
                "Conv" => Convolution(graph, tiny, Rounded(graph, x, "again"), "second"),
                "Rounded" => Rounded(graph, graph.AddNode("Tanh", [x], "tanh").Output, "tanh"),
                _ => graph.AddNode(other, [x], "other").Output,
            };
            var joined = graph.AddNode(join, [image, branch], "joined");
            if (join == "Concat")
            {
                joined.Set("axis", 1L);
            }

            var read = behind switch
            {
                "" => joined.Output,
                "Slice" => graph.AddNode("Slice", [joined.Output, Numbers(graph, "starts", 0), Numbers(graph, "ends", 4), Numbers(graph, "axes", 2)], "behind").Output,
                _ => graph.AddNode(behind, [joined.Output], "behind").Output,
            };
            var made = behind == "Erf" ? read : Convolution(graph, tiny, Rounded(graph, read, "read"), "last", join == "Concat" ? 32 : 16);

            // Read by more than a Q, the join is in float.
            return isInt8 || behind == "Erf" ? made : graph.AddNode("Add", [graph.AddNode("ReduceMean", [made], "mean").Output, graph.AddNode("ReduceMean", [read], "mean_of_join").Output], "sum").Output;
        });
    }

    private static Value Convolution(Graph graph, TinyModels tiny, Value x, string name, int channels = 16)
    {
        var scale = graph.AddInitializer(name + "_w_scale", TensorData.Scalar(0.01f));
        sbyte[] integers = [.. tiny.Random(16, channels, 3, 3).ToFloats().Select(weight => (sbyte)Math.Clamp(weight * 64, -64, 64))];
        var weights = graph.AddNode("DequantizeLinear", [graph.AddInitializer(name + "_w", TensorData.Create<sbyte>([16, channels, 3, 3], integers)), scale], name + "_w_dq").Output;
        return Rounded(graph, graph.AddNode("Conv", [x, weights], name).Set("pads", [1L, 1, 1, 1]).Output, name);
    }

    private static Value Numbers(Graph graph, string name, long number) => graph.AddInitializer(name, TensorData.Vector<long>([number]));
}
