using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Formats, types and targets on small graphs: what is written, what ONNX Runtime makes of it, and what it computes.</summary>
/// <remarks>The outputs are few, so that SQNR differs by 10 dB and more from one draw of weights to the next; the lowest lies 5 dB under the worst of 20 draws.</remarks>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FormTests
{
    private readonly TinyModels _tiny = new();
    private string[] _kernels = [];

    [Test]
    public void QOperator_Convolutions_HaveNoQAndDqBetween()
    {
        var graph = Verify(Convolutions(13), [1, 8, 6, 6], new() { Format = ModelFormat.QOperator }, 30);

        Assert.That(
            graph.Nodes.Select(node => node.OpType).Order(StringComparer.Ordinal),
            Is.EqualTo(["DequantizeLinear", "MaxPool", "QLinearAdd", "QLinearConcat", "QLinearConv", "QLinearConv", "QLinearConv", "QLinearGlobalAveragePool", "QuantizeLinear"]));
    }

    [TestCase(1, "QGemm")]
    [TestCase(2, "QGemm")]
    public void QOperator_Gemms_MultiplyIntegers(int layers, string opType)
    {
        var graph = Verify(Gemms(13, layers), [1, 32], new() { Format = ModelFormat.QOperator }, 30);

        Assert.That(graph.Nodes.Count(node => node.OpType == opType), Is.EqualTo(layers));
    }

    /// <summary>What takes longer on integers is left float for a CPU of ours, but not for runtimes elsewhere.</summary>
    [TestCase(11)]
    [TestCase(13)]
    public void QOperator_Portable_IsAllIntegersAndSymmetric(int opset)
    {
        var model = TinyModels.Build(opset, [1, 4, 32], (graph, x) =>
        {
            var mask = graph.AddInitializer("mask", TensorData.Create<bool>([4, 1], [true, false, true, true]));
            var first = graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(32, 32))], "first").Output;
            var shares = graph.AddNode("Softmax", [first], "shares").Set("axis", 2L).Output;
            var chosen = graph.AddNode("Where", [mask, shares, first], "chosen").Output;
            var second = graph.AddNode("MatMul", [chosen, graph.AddInitializer("w2", _tiny.Random(32, 16))], "second").Output;
            return graph.AddNode("MatMul", [second, graph.AddInitializer("w3", _tiny.Random(16, 64))], "y").Output;
        });

        var graph = Verify(model, [1, 4, 32], new() { Format = ModelFormat.QOperator, Target = TargetName.Portable }, 25);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                graph.Nodes.Select(node => node.OpType),
                Is.EquivalentTo(["QuantizeLinear", "QLinearMatMul", "QLinearSoftmax", "QLinearWhere", "QLinearMatMul", "MatMulIntegerToFloat"]));
            Assert.That(graph.Nodes[0].Input(2)!.Constant!.AsSpan<sbyte>()[0], Is.Zero);
        }
    }

    /// <summary>QLinearConv takes no float bias, and has no Relu behind it that a zero point of 0 would not do.</summary>
    [Test]
    public void QOperator_PortableConvolutions_KeepTheirRelu()
    {
        var graph = Verify(Convolutions(13), [1, 8, 6, 6], new() { Format = ModelFormat.QOperator, Target = TargetName.Portable }, 25);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(graph.Nodes.Count(node => node.OpType == "QLinearConv"), Is.EqualTo(3));
            Assert.That(graph.Nodes.Count(node => node.OpType == "Relu"), Is.EqualTo(3));
        }
    }

    /// <summary>Both forms say the same to ONNX Runtime.</summary>
    [Test]
    public void QOperator_AndQdq_ComputeTheSame()
    {
        var (model, shape) = (Convolutions(13), ImmutableArray.Create(1L, 8, 6, 6));
        var (qdq, _, _) = new TinyModels().Quantize(model, shape, new());
        var (operators, _, _) = new TinyModels().Quantize(model, shape, new() { Format = ModelFormat.QOperator });
        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", _tiny.Random(shape));

        var (expected, actual) = (TinyModels.Run(qdq.Model.ToArray(), inputs), TinyModels.Run(operators.Model.ToArray(), inputs));

        Assert.That(actual.ToFloats(), Is.EqualTo(expected.ToFloats()).Within(1e-5f));
    }

    [TestCase(QuantizedType.S8)]
    [TestCase(QuantizedType.U8)]
    public void Dynamic_Gemms_BecomeOneKernelEach(QuantizedType weights)
    {
        var graph = Verify(Gemms(13, 2), [1, 32], new() { Format = ModelFormat.Dynamic, WeightType = weights }, 30);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(graph.Nodes.Count(node => node.OpType == "MatMulInteger"), Is.EqualTo(2));
            Assert.That(_kernels, Does.Contain("DynamicQuantizeMatMul").And.Not.Contain("MatMulInteger"));
        }
    }

    [Test]
    public void Dynamic_Convolutions_AreConvInteger()
    {
        var graph = Verify(Convolutions(13), [1, 8, 6, 6], new() { Format = ModelFormat.Dynamic }, 30);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(graph.Nodes.Count(node => node.OpType == "ConvInteger"), Is.EqualTo(3));
            // The input is quantized once for the two that read it
            Assert.That(graph.Nodes.Count(node => node.OpType == "DynamicQuantizeLinear"), Is.EqualTo(2));
        }
    }

    /// <summary>
    /// Of both layers, weights and activations (which the kernel rounds to 8 bits in blocks) each leave 46 to 48 dB, together 42, and the draw of 64
    /// outputs moves that by 1 dB; a bit less costs 6. The weights are multiples of 1/7, which 4 bits hold: rounded, the search would want some back.
    /// </summary>
    [TestCase(QuantizedType.S8, 21)]
    [TestCase(QuantizedType.U8, 13)]
    [TestCase(QuantizedType.S4, 21)]
    [TestCase(QuantizedType.S4, 13)]
    [TestCase(QuantizedType.U4, 21)]
    public void WeightOnly_Gemms_BecomeMatMulNBits(QuantizedType weights, int opset)
    {
        var graph = Verify(Gemms(opset, 2, 64, Sevenths), [1, 64], new() { Format = ModelFormat.WeightOnly, WeightType = weights }, 38);

        Assert.That(_kernels.Count(type => type == "MatMulNBits"), Is.EqualTo(2));
    }

    /// <summary>As an encoder and a decoder do.</summary>
    [TestCase(QuantizedType.S8)]
    [TestCase(QuantizedType.S4)]
    public void WeightOnly_Gemms_ShareWeightsEitherWayRound(QuantizedType type)
    {
        var model = TinyModels.Build(13, [1, 64], (graph, x) =>
        {
            var weights = graph.AddInitializer("w", _tiny.Random(64, 64));
            return graph.AddNode("Gemm", [graph.AddNode("Gemm", [x, weights], "a").Set("transB", 1L).Output, weights], "y").Output;
        });

        var graph = Verify(model, [1, 64], new() { Format = ModelFormat.WeightOnly, WeightType = type }, type == QuantizedType.S8 ? 38 : 15);

        Assert.That(graph.Nodes.Count(node => node.OpType == "DequantizeLinear"), Is.EqualTo(2));
    }

    [Test]
    public void WeightOnly_Embedding_IsLookedUpAsIntegers()
    {
        var model = TinyModels.Build(13, [1, 4, 16], (graph, x) =>
        {
            var rows = graph.AddNode("Gather", [graph.AddInitializer("table", _tiny.Random(50, 16)), graph.AddInitializer("ids", TensorData.Create<long>([1, 4], [3, 49, 0, 7]))], "rows").Output;
            var ids = graph.AddNode("Cast", [graph.AddNode("ReduceMax", [x], "largest").Set("axes", [2L]).Set("keepdims", 0L).Output], "ids2").Set("to", (long)ElementType.Int64).Output;
            var found = graph.AddNode("Gather", [graph.Find("table"), ids], "found").Output;
            return graph.AddNode("Add", [graph.AddNode("Add", [rows, found], "both").Output, x], "y").Output;
        });

        var graph = Verify(model, [1, 4, 16], new() { Format = ModelFormat.WeightOnly }, 40);

        var gather = graph.Nodes.Single(node => node.OpType == "Gather");
        Assert.That(gather.Input(0)!.Constant!.Type, Is.EqualTo(ElementType.Int8));
    }

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.Dynamic)]
    public void Lstm_AnyFormatWithIntegerKernels_IsDynamic(ModelFormat format)
    {
        var model = TinyModels.Build(14, [1, 6, 16], (graph, x) =>
        {
            var steps = graph.AddNode("Transpose", [x], "steps").Set("perm", [1L, 0, 2]).Output;
            Value?[] inputs = [steps, graph.AddInitializer("w", _tiny.Random(2, 256, 16)), graph.AddInitializer("r", _tiny.Random(2, 256, 64)), graph.AddInitializer("b", _tiny.Random(2, 512))];
            return graph.AddNode("LSTM", inputs, "y").Set("hidden_size", 64L).Set("direction", "bidirectional").Output;
        });

        var graph = Verify(model, [1, 6, 16], new() { Format = format }, 25);

        Assert.That(graph.Nodes[^1].OpType, Is.EqualTo("DynamicQuantizeLSTM"));
    }

    [TestCase(QuantizedType.U16, QuantizedType.S8, 13, "com.microsoft", 35)]
    [TestCase(QuantizedType.S16, QuantizedType.S16, 13, "com.microsoft", 60)]
    [TestCase(QuantizedType.U16, QuantizedType.U8, 21, "", 35)]
    [TestCase(QuantizedType.U8, QuantizedType.S4, 13, "", 23)]
    [TestCase(QuantizedType.S8, QuantizedType.S8, 13, "", 30)]
    [TestCase(QuantizedType.U8, QuantizedType.U8, 13, "", 30)]
    public void Qdq_Types_AreWrittenInTheDomainThatKnowsThem(QuantizedType activations, QuantizedType weights, int opset, string domain, double sqnrDb)
    {
        var graph = Verify(Convolutions(opset), [1, 8, 6, 6], new() { Format = ModelFormat.Qdq, ActivationType = activations, WeightType = weights }, sqnrDb);

        Assert.That(graph.Nodes.Where(node => node.OpType == "QuantizeLinear").Select(node => node.Domain).Distinct(), Is.EqualTo([domain]));
    }

    /// <summary>ONNX Runtime makes an int32 of a float bias between Q and DQ; at the product of two 16-bit scales this one has 40 bits.</summary>
    [Test]
    public void Qdq_LargeBiasUnderWideTypes_DoesNotOverflow()
    {
        var model = TinyModels.Build(13, [1, 8, 6, 6], (graph, x) =>
        {
            var weights = TensorData.Create<float>([16, 8, 3, 3], [.. _tiny.Random(16, 8, 3, 3).ToFloats().Select(weight => weight / 100)]);
            var bias = TensorData.Vector<float>([.. Enumerable.Range(0, 16).Select(channel => channel % 2 == 0 ? 10f : -10f)]);
            return graph.AddNode("Conv", [x, graph.AddInitializer("w", weights), graph.AddInitializer("b", bias)], "y").Output;
        });

        Verify(model, [1, 8, 6, 6], new() { Format = ModelFormat.Qdq, ActivationType = QuantizedType.U16, WeightType = QuantizedType.S16 }, 80);
    }

    /// <summary>TensorRT reads zero points of 0 and float biases.</summary>
    [Test]
    public void Portable_Convolutions_AreSymmetricWithFloatBiases()
    {
        var graph = Verify(Convolutions(13), [1, 8, 6, 6], new() { Target = TargetName.Portable, PowerOfTwoScales = true }, 25);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(graph.Nodes.Where(node => node.OpType == "QuantizeLinear").Select(node => node.Input(2)!.Constant!.AsSpan<sbyte>()[0]), Is.All.Zero);
            Assert.That(graph.Nodes.Where(node => node.OpType == "Conv").Select(node => node.Input(2)?.Constant?.Type), Is.All.EqualTo(ElementType.Float));
            Assert.That(graph.Nodes.Where(node => node.OpType == "QuantizeLinear").Select(node => node.Input(1)!.Constant!.ToFloats()[0]),
                Is.All.Matches<float>(scale => scale == MathF.ScaleB(1, MathF.ILogB(scale))));
        }
    }

    private Graph Verify(Model model, ImmutableArray<long> shape, QuantizationSettings settings, double lowestSqnrDb)
    {
        var (result, expected, actual) = _tiny.Quantize(model, shape, settings);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Select(row => row.Decision), Has.Some.Not.EqualTo(OperatorDecision.Float));
            Assert.That(actual.Dimensions, Is.EqualTo(expected.Dimensions));
            Assert.That(TinyModels.SqnrDb(expected, actual), Is.GreaterThan(lowestSqnrDb).And.LessThan(110));
        }

        _kernels = [.. OptimizedGraph.Of(result.Model).Nodes.Select(node => node.OpType)];
        return OnnxFile.FromBytes(result.Model.Span).Graph;
    }

    /// <summary>Two convolutions with a Relu, joined, pooled and added up, and one behind them.</summary>
    private Model Convolutions(long opset) => TinyModels.Build(opset, [1, 8, 6, 6], (graph, x) =>
    {
        Value Conv(Value input, long channels, long inputChannels)
        {
            Value?[] inputs = [input, graph.AddInitializer("w", _tiny.Random(channels, inputChannels, 3, 3)), graph.AddInitializer("b", _tiny.Random(channels))];
            return graph.AddNode("Relu", [graph.AddNode("Conv", inputs, "conv").Set("pads", [1L, 1, 1, 1]).Output], "relu").Output;
        }

        var (left, right) = (Conv(x, 16, 8), Conv(x, 16, 8));
        var joined = graph.AddNode("Concat", [graph.AddNode("Add", [left, right], "sum").Output, right], "joined").Set("axis", 1L).Output;
        var pooled = graph.AddNode("MaxPool", [joined], "pooled").Set("kernel_shape", [2L, 2L]).Set("strides", [2L, 2L]).Output;
        var mean = graph.AddNode("GlobalAveragePool", [pooled], "mean").Output;
        return Conv(mean, 8, 32);
    });

    /// <summary>Layers of as many outputs as inputs, every other one with transposed weights.</summary>
    private Model Gemms(long opset, int layers, int width = 32, Func<TensorData, TensorData>? round = null) => TinyModels.Build(opset, [null, width], (graph, x) =>
    {
        for (var layer = 0; layer < layers; layer++)
        {
            var weights = _tiny.Random(width, width);
            Value?[] inputs = [x, graph.AddInitializer("w", round?.Invoke(weights) ?? weights), graph.AddInitializer("b", _tiny.Random(width))];
            x = graph.AddNode("Gemm", inputs, "layer").Set("transB", layer % 2L).Output;
        }

        return x;
    });

    /// <summary>Rounded to multiples of 1/7; every row, column and block has a 1, for the scale to be 1/7.</summary>
    private static TensorData Sevenths(TensorData weights)
    {
        var width = (int)weights.Dimensions[1];
        return TensorData.Create<float>(weights.Dimensions, [.. weights.ToFloats().Index().Select(entry =>
            ((entry.Index / width) + entry.Index) % 8 == 0 ? 1 : MathF.Round(entry.Item * 7) / 7)]);
    }
}
