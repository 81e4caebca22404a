using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>What has to be given back is found in graphs of any kind. A sine of large angles leaves nothing of its input but what float keeps.</summary>
internal sealed class PrecisionSearchTests
{
    private readonly TinyModels _tiny = new();

    [TestCase("s = SequenceConstruct(x, x)", "", "s")]
    [TestCase("s = Cast(x) {to = 8}", "", "s: string")]
    [TestCase("q = SequenceConstruct(x, x)", "s = SequenceAt(q, one)", "s: float")]
    public void OutputsThatAreNoTensors_OrComeOutOfSequences_DoNotStopIt(string before, string after, string output)
    {
        var weights = string.Join(", ", _tiny.Random(16, 16).ToFloats().Select(element => element.ToString("r", CultureInfo.InvariantCulture)));
        var model = GraphText.Parse(
            $$"""
            opset 17
            graph g(x: float[1, 16]) -> (y: float, {{output}}) {
              w: float[16, 16] = [{{weights}}]
              one: int64[] = [0]
              k: float[] = [1000]
              {{before}}
              a = MatMul(x, w)
              m = Mul(a, k)
              y = Sin(m)
              {{after}}
            }
            """);

        Assert.That(DecisionOf(model, [1, 16], "MatMul"), Is.EqualTo(OperatorDecision.Float));
    }

    /// <summary>The product that is given back above.</summary>
    [TestCase(AccuracyEffort.Balanced, OperatorDecision.Float)]
    [TestCase(AccuracyEffort.Fast, OperatorDecision.Int8)]
    public void Fast_DoesNotLookAtTheOutputs(AccuracyEffort effort, OperatorDecision expected)
    {
        var model = TinyModels.Build(17, [1, 16], (graph, x) =>
        {
            var product = graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(16, 16))], "a").Output;
            return graph.AddNode("Sin", [graph.AddNode("Mul", [product, graph.AddInitializer("k", TensorData.Scalar(1000f))], "m").Output], "y").Output;
        });

        var report = _tiny.Quantize(model, [1, 16], new() { Format = ModelFormat.Qdq, AccuracyEffort = effort }).Result.Report;

        Assert.That(report.Operators.Single(row => row.Type == "MatMul").Decision, Is.EqualTo(expected));
    }

    [TestCase(1e5f, OperatorDecision.Float, TestName = "{m}(and is given back)")]
    [TestCase(1f, OperatorDecision.Dynamic, TestName = "{m}(and is kept)")]
    public void LstmWithoutItsFirstOutput_IsQuantizedLikeAnyOther(float factor, OperatorDecision expected)
    {
        var model = TinyModels.Build(17, [1, 1, 16], (graph, x) =>
        {
            var last = graph.AddValue("last");
            graph.AddNode("LSTM", [x, graph.AddInitializer("w", _tiny.Random(1, 64, 16)), graph.AddInitializer("r", _tiny.Random(1, 64, 16))], [null, last]).Set("hidden_size", 16L);
            var angle = graph.AddNode("Mul", [last, graph.AddInitializer("k", TensorData.Scalar(factor))], "m").Output;
            return graph.AddNode("Sin", [angle], "y").Output;
        });

        Assert.That(DecisionOf(model, [1, 1, 16], "LSTM", ModelFormat.Dynamic), Is.EqualTo(expected));
    }

    /// <summary>How many elements the second output has hangs on b: there is nothing to compare it with once b is rounded.</summary>
    [Test]
    public void OperatorThatChangesTheLengthOfAnOutput_IsGivenBack_WithTheReason()
    {
        var model = TinyModels.Build(17, [1, 16], (graph, x) =>
        {
            Value Product(string name, int columns) => graph.AddNode("MatMul", [x, graph.AddInitializer(name + "_w", _tiny.Random(16, columns))], name).Output;
            var flat = graph.AddNode("Reshape", [Product("b", 512), graph.AddInitializer("shape", TensorData.Vector(-1L))], "flat").Output;
            var some = graph.AddNode("Compress", [flat, graph.AddNode("Greater", [flat, graph.AddInitializer("zero", TensorData.Scalar(0f))], "positive").Output], "some").Output;
            some.Declare(ElementType.Float, default);
            graph.AddOutput(some);
            return Product("a", 16);
        });

        var operators = _tiny.Quantize(model, [1, 16], new() { Format = ModelFormat.Qdq }).Result.Report.Operators;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(operators.Single(row => row.Name == "b").Reason, Is.EqualTo("quantized alone it leaves nothing of the model's outputs"));
            Assert.That(operators.Single(row => row.Name == "a").Decision, Is.EqualTo(OperatorDecision.Int8), "it harms nobody");
        }
    }

    private OperatorDecision DecisionOf(Model model, long[] shape, string type, ModelFormat format = ModelFormat.Qdq) =>
        _tiny.Quantize(model, [.. shape], new() { Format = format }).Result.Report.Operators.Single(row => row.Type == type).Decision;
}
