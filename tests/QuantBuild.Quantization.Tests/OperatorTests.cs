using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Tests;

/// <summary>Each graph becomes INT8, loads in ONNX Runtime, and computes what the float model does but for quantization noise.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class OperatorTests
{
    private const double LowestSqnrDb = 25;
    private readonly TinyModels _tiny = new();

    [TestCase(11)]
    [TestCase(13)]
    [TestCase(17)]
    public void Conv_ReluAndResidualAdd_IsInt8(int opset) => Verify(TinyModels.Build(opset, [null, 8, 6, 6], (graph, x) =>
    {
        var first = Relu(graph, Conv(graph, x, 16, 8, bias: true));
        var second = Conv(graph, first, 16, 16, bias: false);
        var sum = Relu(graph, graph.AddNode("Add", [second, first], "sum").Output);
        return Conv(graph, sum, 8, 16, bias: true);
    }), [1, 8, 6, 6], "Conv", "Conv", "Add", "Conv");

    [Test]
    public void Conv_Clip6AndMaxPoolAndConcat_StayInt8Between() => Verify(TinyModels.Build(13, [1, 8, 8, 8], (graph, x) =>
    {
        var six = new Value?[] { null, graph.AddInitializer("low", TensorData.Scalar(0f)), graph.AddInitializer("high", TensorData.Scalar(6f)) };
        Value Clip(Value value) => graph.AddNode("Clip", [value, six[1], six[2]], "clipped").Output;
        var left = Clip(Conv(graph, x, 16, 8, bias: true));
        var right = Clip(Conv(graph, x, 16, 8, bias: true));
        var joined = graph.AddNode("Concat", [left, right], "joined").Set("axis", 1L).Output;
        var pooled = graph.AddNode("MaxPool", [joined], "pooled").Set("kernel_shape", [2L, 2L]).Set("strides", [2L, 2L]).Output;
        return Conv(graph, pooled, 8, 32, bias: true);
    }), [1, 8, 8, 8], "Conv", "Conv", "Concat", "MaxPool", "Conv");

    [Test]
    public void BatchNormalization_AfterConv_IsFoldedAndGone()
    {
        var model = TinyModels.Build(11, [1, 8, 5, 5], (graph, x) =>
        {
            var conv = Conv(graph, x, 16, 8, bias: false);
            Value Statistic(string name, float offset) => graph.AddInitializer(name, TensorData.Vector<float>([.. _tiny.Random(16).ToFloats().Select(value => (value / 4) + offset)]));
            return Relu(graph, graph.AddNode("BatchNormalization", [conv, Statistic("gamma", 1), Statistic("beta", 0), Statistic("mean", 0), Statistic("variance", 1)], "normal").Output);
        });

        var result = Verify(model, [1, 8, 5, 5], "Conv");

        Assert.That(OnnxFile.FromBytes(result.Model.Span).Graph.Nodes.Select(node => node.OpType), Has.None.EqualTo("BatchNormalization"));
    }

    /// <summary>Below opset 14 statistics among the outputs say that a BatchNormalization uses those of the batch.</summary>
    [Test]
    public void BatchNormalization_ThatTrains_IsNotFolded()
    {
        var model = TinyModels.Build(11, [1, 8, 5, 5], (graph, x) =>
        {
            var conv = Conv(graph, x, 16, 8, bias: false);
            Value Statistic(string name) => graph.AddInitializer(name, TensorData.Vector<float>([.. _tiny.Random(16).ToFloats().Select(value => value + 2)]));
            return graph.AddNode(
                "BatchNormalization", [conv, Statistic("gamma"), Statistic("beta"), Statistic("mean"), Statistic("variance")],
                [.. new[] { "y", "m", "v", "n", "w" }.Select(graph.AddValue)]).Output;
        });

        Verify(model, [1, 8, 5, 5], "Conv");
    }

    [TestCase(0, 1f, 1f)]
    [TestCase(1, 1f, 1f)]
    [TestCase(1, 0.5f, 2f)]
    public void Gemm_TransBAndAlphaAndBeta_IsInt8(int transB, float alpha, float beta) => Verify(TinyModels.Build(13, [null, 32], (graph, x) =>
    {
        var weights = graph.AddInitializer("w", transB == 1 ? _tiny.Random(24, 32) : _tiny.Random(32, 24));
        var bias = graph.AddInitializer("b", _tiny.Random(1, 24));
        return graph.AddNode("Gemm", [x, weights, bias], "y").Set("transB", (long)transB).Set("alpha", alpha).Set("beta", beta).Output;
    }), [1, 32], "Gemm");

    /// <summary>
    /// Where it knows the shapes ONNX Runtime makes a float Gemm of MatMul and Add, unless they are one already; where it does not, it fuses the
    /// MatMul alone.
    /// </summary>
    [TestCase(new long[] { 1, 32 }, false, "Gemm", "QGemm")]
    [TestCase(new long[] { 1, 32 }, true, "Gemm", "QGemm")]
    [TestCase(new long[] { 1, 5, 32 }, false, "Gemm", "QGemm")]
    [TestCase(new long[] { 1, 2, 5, 32 }, false, "Gemm", "QGemm")]
    [TestCase(new long[] { 1, 5, 32 }, true, "MatMul", "MatMulIntegerToFloat")]
    public void MatMulThenAdd_AnyShape_ReachesAnIntegerKernel(long[] shape, bool openBatch, string int8, string kernel)
    {
        ImmutableArray<long?> declared = [openBatch ? null : shape[0], .. shape.Skip(1).Select(length => (long?)length)];
        var model = TinyModels.Build(13, declared, (graph, x) =>
        {
            var product = graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(32, 16))], "product").Output;
            return graph.AddNode("Add", [product, graph.AddInitializer("b", _tiny.Random(16))], "y").Output;
        });

        var result = Verify(model, [.. shape], int8);

        Assert.That(OptimizedGraph.Of(result.Model).Nodes.Select(node => node.OpType), Does.Contain(kernel));
    }

    /// <summary>The rank of what a ReduceMean makes stands nowhere in the file.</summary>
    [Test]
    public void MatMulThenAdd_UndeclaredShape_BecomesAGemm() => Verify(TinyModels.Build(13, [1, 4, 32], (graph, x) =>
    {
        var mean = graph.AddNode("ReduceMean", [x], "mean").Set("axes", [1L]).Set("keepdims", 0L).Output;
        var product = graph.AddNode("MatMul", [mean, graph.AddInitializer("w", _tiny.Random(32, 16))], "product").Output;
        return graph.AddNode("Add", [product, graph.AddInitializer("b", _tiny.Random(16))], "y").Output;
    }), [1, 4, 32], "Gemm");

    [Test]
    public void Weights_ThatAreInputsAndShared_AreQuantizedOnce()
    {
        var model = TinyModels.Build(8, [1, 8, 6, 6], (graph, x) =>
        {
            var weights = graph.AddInput("w");
            weights.Constant = _tiny.Random(8, 8, 1, 1);
            weights.Declare(ElementType.Float, [8, 8, 1, 1]);
            var first = graph.AddNode("Conv", [x, weights], "first").Output;
            return graph.AddNode("Conv", [first, weights], "second").Output;
        });

        var result = Verify(model, [1, 8, 6, 6], "Conv", "Conv");

        var graph = OnnxFile.FromBytes(result.Model.Span).Graph;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(graph.Inputs.Select(input => input.Name), Is.EqualTo(["x"]));
            Assert.That(graph.Initializers.Count(value => value.Constant is { Type: ElementType.Int8, Rank: 4 }), Is.EqualTo(1));
        }
    }

    [Test]
    public void Pad_BetweenConvolutions_MovesBytes() => Verify(TinyModels.Build(13, [1, 8, 6, 6], (graph, x) =>
    {
        var first = Relu(graph, Conv(graph, x, 16, 8, bias: true));
        var padded = graph.AddNode("Pad", [first, graph.AddInitializer("pads", TensorData.Vector(0L, 0, 1, 1, 0, 8, 1, 1))], "padded").Output;
        return Conv(graph, padded, 8, 24, bias: true);
    }), [1, 8, 6, 6], "Conv", "Pad", "Conv");

    /// <summary>Operators of ONNX's first years, which ONNX Runtime still runs below opset 10.</summary>
    [Test]
    public void Opset7_ImageScalerAffineAndCrop_AreRaisedWithTheSameResult() => Verify(TinyModels.Build(7, [1, 8, 6, 6], (graph, x) =>
    {
        var scaled = graph.AddNode("ImageScaler", [x], "scaled").Set("scale", 2f)
            .Set(NodeAttribute.Of("bias", [0.1f, 0.2f, 0.3f, 0.4f, -0.1f, -0.2f, -0.3f, -0.4f])).Output;
        var first = Conv(graph, scaled, 16, 8, bias: true);
        var affine = graph.AddNode("Affine", [first], "affine").Set("alpha", 0.5f).Set("beta", 1f).Output;
        return graph.AddNode("Crop", [affine], "cropped").Set("border", [1L, 0, 1, 2]).Output;
    }), [1, 8, 6, 6], "Conv");

    /// <summary>A function that was written for a newer Softmax keeps the model's opset.</summary>
    [TestCase(11, OperatorDecision.Int8)]
    [TestCase(10, OperatorDecision.Int8)]
    [TestCase(9, OperatorDecision.Float)]
    public void OpsetThatCannotBeRaised_FromTenOn_IsInt8WithTheOperatorsOfMicrosoft(int opset, OperatorDecision decision)
    {
        var model = GraphText.Parse(
            $$"""
            opset {{opset}}, local 1
            graph g(x: float[1, 8, 6, 6]) -> (y) {
              y = local::gated(x)
            }
            function local::gated(x) -> (y) opset 13 {
              s = Softmax(x) {axis = 3}
              y = Add(x, s)
            }
            """);
        var (graph, call) = (model.Graph, model.Graph.Nodes[0]);
        call.SetInput(0, Conv(graph, graph.Inputs[0], 16, 8, bias: true));
        graph.SetOutputs([Conv(graph, call.Output, 8, 16, bias: true)]);
        TopologicalOrder.Restore(graph);

        var (result, expected, actual) = _tiny.Quantize(model, [1, 8, 6, 6]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Where(row => row.Type == "Conv").Select(row => row.Decision), Is.All.EqualTo(decision));
            Assert.That(result.Report.Diagnostics.Select(diagnostic => diagnostic.Code.Id), Does.Contain("QB2033"));
            Assert.That(OnnxFile.FromBytes(result.Model.Span).Opset, Is.EqualTo(opset));
            Assert.That(TinyModels.SqnrDb(expected, actual), Is.GreaterThan(20));
        }
    }

    [Test]
    public void NothingToQuantize_IsWrittenAsFloatWithAWarning()
    {
        var model = TinyModels.Build(13, [1, 8], (graph, x) => graph.AddNode("Tanh", [x], "y").Output);

        var (result, _, _) = _tiny.Quantize(model, [1, 8]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Diagnostics.Select(diagnostic => diagnostic.Code.Id), Does.Contain("QB2032"));
            Assert.That(result.Report.Operators.Single().Decision, Is.EqualTo(OperatorDecision.Float));
        }
    }

    [Test]
    public void Quantize_Twice_GivesTheSameBytes()
    {
        var first = new OperatorTests();
        var (one, _, _) = first._tiny.Quantize(first.TwoConvolutions(), [1, 8, 6, 6]);
        var second = new OperatorTests();
        var (two, _, _) = second._tiny.Quantize(second.TwoConvolutions(), [1, 8, 6, 6]);

        Assert.That(two.Model.ToArray(), Is.EqualTo(one.Model.ToArray()));
    }

    private static Value Relu(Graph graph, Value value) => graph.AddNode("Relu", [value], "relu").Output;

    private Model TwoConvolutions() => TinyModels.Build(13, [1, 8, 6, 6], (graph, x) =>
        Conv(graph, Relu(graph, Conv(graph, x, 16, 8, bias: true)), 8, 16, bias: true));

    private Value Conv(Graph graph, Value input, int channels, int inputChannels, bool bias)
    {
        Value?[] inputs = [input, graph.AddInitializer("w", _tiny.Random(channels, inputChannels, 3, 3)), bias ? graph.AddInitializer("b", _tiny.Random(channels)) : null];
        return graph.AddNode("Conv", inputs, "conv").Set("pads", [1L, 1, 1, 1]).Output;
    }

    private QuantizationResult Verify(Model model, ImmutableArray<long> shape, params string[] int8)
    {
        var (result, expected, actual) = _tiny.Quantize(model, shape);

        var quantized = result.Report.Operators.Where(row => row.Decision == OperatorDecision.Int8 && row.Type is not ("Relu" or "Clip")).Select(row => row.Type);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(quantized, Is.EqualTo(int8));
            Assert.That(actual.Dimensions, Is.EqualTo(expected.Dimensions));
            Assert.That(TinyModels.SqnrDb(expected, actual), Is.GreaterThan(LowestSqnrDb).And.LessThan(100));
            Assert.That(OptimizedGraph.WeightsDequantizedAtRun(OptimizedGraph.Of(result.Model)), Is.Empty);
        }

        return result;
    }
}
