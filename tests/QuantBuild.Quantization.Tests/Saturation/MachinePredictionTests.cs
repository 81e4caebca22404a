using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Saturation;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Saturation;

/// <summary>Whole models, as ONNX Runtime optimizes them.</summary>
internal sealed class MachinePredictionTests
{
    private static readonly ImmutableArray<long> Image = [1, 16, 8, 8];
    private static readonly ImmutableArray<long> Rows = [1, 64];

    private readonly TinyModels _tiny = new();

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.QOperator)]
    public void Emulation_OfThisProcessor_IsWhatOnnxRuntimeComputes(ModelFormat format) => Compare(Residual(), Image, format, "QLinearConv");

    [Test]
    public void Emulation_OfDynamicProducts_IsWhatOnnxRuntimeComputes() => Compare(Layers(), Rows, ModelFormat.Dynamic, "MatMulIntegerToFloat");

    /// <summary>What the other processor computes is another matter for weights of 8 bits, and the same for those of the default.</summary>
    [TestCase(TargetName.Vnni, true)]
    [TestCase(TargetName.X64, false)]
    public void Of_WeightsOfATarget_SaturateOnlyWhereTheyAreMeantTo(TargetName target, bool saturates)
    {
        var model = OnnxFile.FromBytes(_tiny.Quantize(Residual(), Image, new() { Target = target }).Result.Model.Span);

        using var prediction = MachinePrediction.Of(model, target)!;
        var outputs = prediction.Run(Inputs(Image), ["y"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(prediction.Units, saturates ? Has.Length.EqualTo(2) : Is.Empty);
            Assert.That(prediction.Units.Select(unit => unit.Name), Is.SubsetOf(new[] { "first", "second" }));
            Assert.That(outputs, saturates ? Is.Not.Null : Is.Null);
        }
    }

    [TestCase(TargetName.X64, true)]
    [TestCase(TargetName.Vnni, false)]
    public void Describe_ATarget_HasToHoldOnItsMachines(TargetName target, bool holdsWithoutVnni)
    {
        using var prediction = MachinePrediction.Of(Residual(), target)!;

        var machines = prediction.Describe(0.9, 0.5, value => 1 - value);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(machines.Keys, Is.EqualTo(new[] { "x64 with VNNI", "x64 without VNNI" }));
            Assert.That(machines.Values.Select(machine => machine.IsOfTarget), Is.EqualTo(new[] { true, holdsWithoutVnni }));
            Assert.That(machines[Processor.Saturates ? "x64 without VNNI" : "x64 with VNNI"].Quantized, Is.EqualTo(0.9));
            Assert.That(machines[Processor.Saturates ? "x64 with VNNI" : "x64 without VNNI"] is { Quantized: 0.5, Drop: 0.5, IsPredicted: true });
        }
    }

    [Test]
    public void Of_OtherTargets_IsNothing([Values(TargetName.Arm64, TargetName.Portable)] TargetName target) =>
        Assert.That(MachinePrediction.Of(Residual(), target), Is.Null);

    /// <summary>An LSTM's kernel multiplies in pairs too, and is not emulated.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void Of_SaturatingLstm_IsUnknown(bool saturates)
    {
        var weight = (sbyte)(saturates ? 127 : 64);
        var model = TinyModels.Build(13, [2, 1, 4], (graph, input) =>
        {
            Value Matrix(int rows) => graph.AddInitializer("w", TensorData.Create<sbyte>([1, rows, 8], [.. Enumerable.Repeat(weight, rows * 8)]));
            Value[] scales = [.. Enumerable.Range(0, 2).Select(_ => graph.AddInitializer("s", TensorData.Create<float>([1], [0.01f])))];
            Value[] zeros = [.. Enumerable.Range(0, 2).Select(_ => graph.AddInitializer("z", TensorData.Create<sbyte>([1], [0])))];
            var lstm = graph.AddNode(
                "DynamicQuantizeLSTM", [input, Matrix(4), Matrix(2), null, null, null, null, null, scales[0], zeros[0], scales[1], zeros[1]], "y", null, "com.microsoft");
            return lstm.Set("hidden_size", 2L).Output;
        });
        model.SetOpset("com.microsoft", 1);

        using var prediction = MachinePrediction.Of(model, TargetName.X64);

        Assert.That(prediction, saturates ? Is.Null : Is.Not.Null);
    }

    private void Compare(Model model, ImmutableArray<long> shape, ModelFormat format, string opType)
    {
        var quantized = OnnxFile.FromBytes(_tiny.Quantize(model, shape, new() { Format = format, Target = TargetName.Vnni }).Result.Model.Span);
        var inputs = Inputs(shape);
        using var session = InferenceModel.Load(quantized, Optimization.AsDeployed);
        var optimized = OptimizedUnits.Of(quantized)!;
        using var emulated = new EmulatedModel(optimized.Model, optimized.Units, Processor.Saturates);

        var (expected, actual) = (session.Run(inputs, ["y"])[0], emulated.Run(inputs, ["y"])[0]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(optimized.Units.Select(unit => unit.Node.OpType), Is.EqualTo(new[] { opType, opType }));
            Assert.That(actual.ToFloats(), Is.EqualTo(expected.ToFloats()));
        }
    }

    private SampleInputs Inputs(ImmutableArray<long> shape) => ImmutableDictionary<string, TensorData>.Empty.Add("x", _tiny.Random(shape));

    /// <summary>Two convolutions, one of them around the other, and what stays float behind them.</summary>
    private Model Residual() => TinyModels.Build(13, [.. Image.Select(length => (long?)length)], (graph, input) =>
    {
        var first = Convolution(graph, input, "first");
        var second = Convolution(graph, graph.AddNode("Relu", [first], "relu").Output, "second");
        return graph.AddNode("Softmax", [graph.AddNode("Add", [first, second], "sum").Output], "y").Output;
    });

    private Value Convolution(Graph graph, Value input, string name)
    {
        var node = graph.AddNode("Conv", [input, graph.AddInitializer(name + "_w", _tiny.Random(16, 16, 3, 3))], name + "_y").Set("pads", [1, 1, 1, 1]);
        node.Name = name;
        return node.Output;
    }

    private Model Layers() => TinyModels.Build(13, [.. Rows.Select(length => (long?)length)], (graph, input) =>
    {
        var first = graph.AddNode("MatMul", [input, graph.AddInitializer("w", _tiny.Random(64, 32))], "first").Output;
        return graph.AddNode("MatMul", [graph.AddNode("Relu", [first], "relu").Output, graph.AddInitializer("w", _tiny.Random(32, 8))], "y").Output;
    });
}
