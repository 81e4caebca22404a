using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Models in half precision, from file to file: quantized as others are, and never written larger than they came.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class HalfPrecisionTests : IDisposable
{
    /// <summary>As many channels as there are weights to be worth storing as half: scales are not stored so.</summary>
    private const int Width = 256;

    private readonly string _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
    private readonly TinyModels _tiny = new();

    public HalfPrecisionTests()
    {
        foreach (var index in Enumerable.Range(0, 24))
        {
            NpyFile.Write(Path.Combine(_folder, index.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Half(1, Width));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestCase(ModelFormat.Qdq, OperatorDecision.Int8)]
    [TestCase(ModelFormat.Dynamic, OperatorDecision.Dynamic)]
    public void Product_IsQuantized_AndTypesStay(ModelFormat format, OperatorDecision decision)
    {
        var (given, result) = Quantize(new() { Format = format });
        var model = OnnxFile.FromBytes(result.Model.Span);
        var (expected, actual) = (Run(OnnxFile.ToBytes(given)), Run(result.Model.ToArray()));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Where(row => row.Type is "MatMul" or "Gemm").Select(row => row.Decision), Is.EqualTo([decision]));
            Assert.That(model.Graph.Inputs.Concat(model.Graph.Outputs).Select(value => (value.Name, value.DeclaredType)), Is.EqualTo([("x", ElementType.Float16), ("y", ElementType.Float16)]));
            Assert.That(TinyModels.SqnrDb(expected, actual), Is.GreaterThan(30));
            Assert.That(result.Model.Length, Is.LessThan(0.7 * OnnxFile.ToBytes(given).Length));
        }
    }

    /// <summary>Weights that stay float are read as they came, and computed with in single precision.</summary>
    [Test]
    public void WhatStaysFloat_KeepsItsHalfWeights()
    {
        var given = FactorModel();
        var result = Quantize(given, new());
        var model = OnnxFile.FromBytes(result.Model.Span);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Select(row => row.Decision), Is.All.EqualTo(OperatorDecision.Float), "too small to be worth it");
            Assert.That(model.Graph.Initializers.Select(value => (value.Constant!.Type, value.Consumers.Single().Node.OpType)), Is.EqualTo([(ElementType.Float16, "Cast")]));
            Assert.That(TinyModels.SqnrDb(Run(OnnxFile.ToBytes(given)), Run(result.Model.ToArray())), Is.GreaterThan(55));
        }
    }

    /// <summary>As converters leave it that keep inputs and outputs: weights are what Constant nodes make.</summary>
    [Test]
    public void FloatInputsAndConstantNodes_AreNoDifference()
    {
        var model = Model.Create("half", 17);
        var graph = model.Graph;
        var input = graph.AddInput("x");
        input.Declare(ElementType.Float, [null, Width]);
        var weights = graph.AddNode("Constant", [], "w").Set(NodeAttribute.Of("value", Half(Width))).Output;
        var product = graph.AddNode("Mul", [graph.AddNode("Cast", [input], "h").Set("to", (long)ElementType.Float16).Output, weights], "p").Output;
        var output = graph.AddNode("Cast", [product], "y").Set("to", (long)ElementType.Float).Output;
        output.Declare(ElementType.Float, [null, Width]);
        graph.AddOutput(output);

        var result = OnnxFile.FromBytes(Quantize(model, new()).Model.Span);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Types(result), Is.EqualTo([ElementType.Float16]));
            Assert.That(result.Graph.Nodes.Select(node => node.OpType), Is.EqualTo(["Cast", "Mul"]), "of the weights, and nothing else");
        }
    }

    /// <summary>What a model has in single precision stays as exact as it was, however much else is half.</summary>
    [TestCase(2048, ElementType.Float16)]
    [TestCase(2049, ElementType.Float)]
    public void FloatConstantAmongHalves_IsNotRounded(float largest, ElementType expected)
    {
        var model = FactorModel();
        var (output, table) = (model.Graph.Outputs[0], new float[Width]);
        table[^1] = largest;
        var wide = model.Graph.AddNode("Cast", [output], "wide").Set("to", (long)ElementType.Float).Output;
        var sum = model.Graph.AddNode("Add", [wide, model.Graph.AddInitializer("table", TensorData.Vector<float>(table))], "z").Output;
        sum.Declare(ElementType.Float, [null, Width]);
        model.Graph.SetOutputs([sum]);

        Assert.That(Types(OnnxFile.FromBytes(Quantize(model, new()).Model.Span)), Is.EquivalentTo([ElementType.Float16, expected]));
    }

    [Test]
    public void Pruned_LearnsAsOthersDo_AndStaysHalf()
    {
        var model = HalfModel();
        var relu = model.Graph.AddNode("Relu", [model.Graph.Outputs[0]], "r").Output;
        var second = model.Graph.AddNode("MatMul", [relu, model.Graph.AddInitializer("v", Half(Width, 8))], "z").Output;
        second.Declare(ElementType.Float16, [null, 8]);
        model.Graph.SetOutputs([second]);

        var result = Quantize(model, new() { Channels = new(0.25), RefitEpochs = 1 }, prunes: true);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((result.Report.Pruning!.Removed, result.Report.Pruning.Refitted), Is.EqualTo((64, 1)));
            Assert.That(result.Report.Pruning.Distillation, Has.Property("Reason").Null);
            Assert.That(OnnxFile.FromBytes(result.Model.Span).Graph.Initializers.Where(value => value.Constant!.ElementCount >= Width).Select(value => value.Constant!.Type), Is.Not.Empty.And.All.EqualTo(ElementType.Float16));
        }
    }

    [Test]
    public void InputThatIsToBeFolded_StaysHalf_AndItIsSaid()
    {
        var (_, result) = Quantize(new() { Format = ModelFormat.Qdq, FoldInput = true });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Diagnostics.Where(diagnostic => diagnostic.Code == DiagnosticCodes.InputNotFolded).Select(diagnostic => diagnostic.Message), Has.One.EndsWith("the input 'x' stays float because it is of half precision."));
            Assert.That(OnnxFile.FromBytes(result.Model.Span).Graph.Inputs[0].DeclaredType, Is.EqualTo(ElementType.Float16));
        }
    }

    private (Model Given, QuantizationResult Result) Quantize(QuantizationSettings settings)
    {
        var model = HalfModel();
        return (model, Quantize(model, settings));
    }

    private QuantizationResult Quantize(Model model, QuantizationSettings settings, bool prunes = false)
    {
        var path = Path.Combine(_folder, "half.onnx");
        OnnxFile.Write(model, path);
        return ModelQuantizer.Quantize(new(path, _folder, settings with { CalibrationData = ["*.npy"] }, 1) { PrunesOnly = prunes }, null, CancellationToken.None);
    }

    private static IEnumerable<ElementType> Types(Model model) => model.Graph.Initializers.Select(value => value.Constant!.Type);

    /// <summary>Nothing that INT8 would be worth for.</summary>
    private Model FactorModel()
    {
        var model = Model.Create("half", 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float16, [null, Width]);
        var product = model.Graph.AddNode("Mul", [input, model.Graph.AddInitializer("w", Half(Width))], "y").Output;
        product.Declare(ElementType.Float16, [null, Width]);
        model.Graph.AddOutput(product);
        return model;
    }

    private Model HalfModel()
    {
        var model = Model.Create("half", 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float16, [null, Width]);
        var product = model.Graph.AddNode("MatMul", [input, model.Graph.AddInitializer("w", Half(Width, Width))], "p").Output;
        var sum = model.Graph.AddNode("Add", [product, model.Graph.AddInitializer("b", Half(Width))], "y").Output;
        sum.Declare(ElementType.Float16, [null, Width]);
        model.Graph.AddOutput(sum);
        return model;
    }

    private TensorData Run(byte[] model)
    {
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        return session.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", Half(File.ReadAllBytes(Path.Combine(_folder, "00.npy"))[^(2 * Width)..])), ["y"])[0];
    }

    private static TensorData Half(byte[] sample) => new(ElementType.Float16, [1, Width], sample);

    private TensorData Half(params ImmutableArray<long> shape) => TensorData.Create<Half>(shape, [.. _tiny.Random(shape).ToFloats().Select(element => (Half)element)]);
}
