using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Models in half precision, from file to file: quantized as others are, and never written larger than they came.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class HalfPrecisionTests : IDisposable
{
    private const int Width = 96;

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
    public void ProductThatStaysFloat_KeepsItsHalfWeights()
    {
        var (given, result) = Quantize(new() { Format = ModelFormat.Auto });
        var model = OnnxFile.FromBytes(result.Model.Span);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Select(row => row.Decision), Is.All.EqualTo(OperatorDecision.Float), "too small to be worth it");
            Assert.That(model.Graph.Initializers.Where(value => value.Constant!.ElementCount > Width).Select(value => (value.Constant!.Type, value.Consumers[0].Node.OpType)), Is.EqualTo([(ElementType.Float16, "Cast")]));
            Assert.That(TinyModels.SqnrDb(Run(OnnxFile.ToBytes(given)), Run(result.Model.ToArray())), Is.GreaterThan(55));
            Assert.That(result.Model.Length, Is.LessThan(1.2 * OnnxFile.ToBytes(given).Length));
        }
    }

    private (Model Given, QuantizationResult Result) Quantize(QuantizationSettings settings)
    {
        var model = Model.Create("half", 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float16, [null, Width]);
        var product = model.Graph.AddNode("MatMul", [input, model.Graph.AddInitializer("w", Half(Width, Width))], "p").Output;
        var sum = model.Graph.AddNode("Add", [product, model.Graph.AddInitializer("b", Half(Width))], "y").Output;
        sum.Declare(ElementType.Float16, [null, Width]);
        model.Graph.AddOutput(sum);
        var path = Path.Combine(_folder, "half.onnx");
        OnnxFile.Write(model, path);
        return (model, ModelQuantizer.Quantize(new(path, _folder, settings with { CalibrationData = ["*.npy"] }, 1), null, CancellationToken.None));
    }

    private TensorData Run(byte[] model)
    {
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        return session.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", Half(File.ReadAllBytes(Path.Combine(_folder, "00.npy"))[^(2 * Width)..])), ["y"])[0];
    }

    private static TensorData Half(byte[] sample) => new(ElementType.Float16, [1, Width], sample);

    private TensorData Half(params ImmutableArray<long> shape) => TensorData.Create<Half>(shape, [.. _tiny.Random(shape).ToFloats().Select(element => (Half)element)]);
}
