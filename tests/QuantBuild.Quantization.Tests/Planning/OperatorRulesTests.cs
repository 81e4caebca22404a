using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Tests.Planning;

internal sealed class OperatorRulesTests
{
    /// <summary>What ONNX Runtime's own quantizer has in its three registries.</summary>
    private static readonly string[] Registries =
    [
        "ArgMax", "Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "LeakyRelu", "Sigmoid", "MaxPool", "GlobalAveragePool", "Split", "Pad", "Reshape", "Squeeze", "Unsqueeze", "Resize",
        "AveragePool", "Concat", "Softmax", "Where", "ConvTranspose", "Transpose", "Slice", "Gather", "GatherElements", "InstanceNormalization", "LayerNormalization", "BatchNormalization", "LSTM",
        "com.microsoft.Attention", "com.microsoft.EmbedLayerNormalization",
    ];

    [TestCaseSource(nameof(Registries))]
    public void Of_OperatorOfARegistry_HasARow(string type)
    {
        var graph = Model.Create("tiny", 13).Graph;
        var dot = type.LastIndexOf('.');
        var node = graph.AddNode(type[(dot + 1)..], [graph.AddInput("x")], "y", null, dot < 0 ? "" : type[..dot]);

        Assert.That(OperatorRules.Of(node), Is.Not.Null);
    }

    [TestCaseSource(typeof(SharedData), nameof(SharedData.Models))]
    public void Of_EveryOperatorOfARealModel_HasARow(string path)
    {
        var model = OnnxFile.Read(SharedData.Require(path));

        var missing = model.Graph.AllNodes.Where(node => OperatorRules.Of(node) is null).Select(node => $"{node.Domain}.{node.OpType}").Distinct();

        Assert.That(missing, Is.Empty);
    }
}
