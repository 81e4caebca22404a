using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>Inputs of dynamic products whose channels stand out are divided by factors that the weights take on, where that helps.</summary>
internal sealed class ActivationSmoothingTests
{
    private const int Width = 32;
    private const int Loud = 5;

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("MatMul", false)]
    [TestCase("Gemm", false)]
    [TestCase("Gemm", true)]
    public void ChannelThatStandsOut_IsSmoothed_AndTheErrorFalls(string opType, bool isTransposed)
    {
        WriteSamples(loudest: 60);
        WriteModel(opType, isTransposed);

        var (report, model) = Quantize();
        var row = report.Operators.Single(row => row.Type == opType);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(row.Decision, Is.EqualTo(OperatorDecision.Dynamic));
            Assert.That(row.Reason, Does.Contain("smoothed before (strength 0."));
            Assert.That(model.Graph.Find("x_smooth")?.Producer?.OpType, Is.EqualTo("Mul"));
            // One step of 120/255 for channels that are no larger than 1 leaves 13 dB.
            Assert.That(row.SqnrDb, Is.GreaterThan(30));
        }
    }

    [Test]
    public void ChannelsThatAreAlike_AreLeftAsTheyAre()
    {
        WriteSamples(loudest: 1);
        WriteModel("MatMul", false);

        var (report, model) = Quantize();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Operators.Single(row => row.Type == "MatMul").Reason, Does.Not.Contain("smoothed"));
            Assert.That(model.Graph.Find("x_smooth"), Is.Null);
        }
    }

    [Test]
    public void ProductsOfOneInput_ShareOneDivision()
    {
        WriteSamples(loudest: 60);
        var model = Model.Create("two", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        foreach (var name in new[] { "q", "k" })
        {
            AddOutput(model, model.Graph.AddNode("MatMul", [input, model.Graph.AddInitializer(name + "_weights", Weights(name[0]))], name));
        }

        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));

        var (_, quantized) = Quantize();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(quantized.Graph.Nodes.Count(node => node.Is("DynamicQuantizeLinear")), Is.EqualTo(1));
            Assert.That(quantized.Graph.Find("x_smooth")!.Consumers, Has.Count.EqualTo(1));
        }
    }

    /// <summary>What makes the input takes the division in, where the product alone reads it: the error is that of a division of its own.</summary>
    [TestCase("LayerNormalization", false)]
    [TestCase("LayerNormalization", true)]
    [TestCase("Mul", false)]
    [TestCase("Mul", true)]
    public void InputWithAScaleOfItsOwn_TakesTheDivisionIn_UnlessOthersReadIt(string maker, bool isReadByOthers)
    {
        WriteSamples(loudest: 1);
        var model = Model.Create("tiny", 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        float[] factors = [.. Enumerable.Range(0, Width).Select(channel => channel == Loud ? 60f : 1)];
        var (scale, bias) = (model.Graph.AddInitializer("scale", TensorData.Vector<float>(factors)), model.Graph.AddInitializer("bias", TensorData.Vector<float>([.. factors.Select(factor => factor / 10)])));
        var made = maker == "Mul"
            ? model.Graph.AddNode("Add", [bias, model.Graph.AddNode("Mul", [model.Graph.AddNode("Tanh", [input], "bent").Output, scale], "scaled").Output], "made")
            : model.Graph.AddNode(maker, [input, scale, bias], "made");
        AddOutput(model, model.Graph.AddNode("MatMul", [made.Output, model.Graph.AddInitializer("w", Weights(3))], "y"));
        if (isReadByOthers)
        {
            AddOutput(model, model.Graph.AddNode("Abs", [made.Output], "other"));
        }

        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));

        var (report, quantized) = Quantize();
        var row = report.Operators.Single(entry => entry.Type == "MatMul");
        var random = new Random(4);
        var sample = ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1, Width], [.. Enumerable.Range(0, Width).Select(_ => (float)((2 * random.NextDouble()) - 1))]));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(row.Reason, Does.Contain("smoothed before (strength 0."));
            Assert.That(quantized.Graph.Nodes.Any(node => node.Is("Mul") && node.Output.Name == "made_smooth"), Is.EqualTo(isReadByOthers));
            Assert.That(TinyModels.SqnrDb(TinyModels.Run(OnnxFile.ToBytes(model), sample), TinyModels.Run(OnnxFile.ToBytes(quantized), sample)), Is.GreaterThan(30));
        }
    }

    /// <summary>Those of the loud channel are small, so that it does not drown the others: row 5, or column 5 where the matrix is transposed.</summary>
    private static TensorData Weights(int seed)
    {
        var random = new Random(seed);
        return TensorData.Create<float>([Width, Width], [.. Enumerable.Range(0, Width * Width)
            .Select(index => (float)((2 * random.NextDouble()) - 1) * (index / Width == Loud || index % Width == Loud ? 0.02f : 1))]);
    }

    private static void AddOutput(Model model, Node node)
    {
        node.Output.Declare(ElementType.Float, default);
        model.Graph.AddOutput(node.Output);
    }

    private void WriteModel(string opType, bool isTransposed)
    {
        var model = Model.Create("tiny", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        var product = model.Graph.AddNode(opType, [input, model.Graph.AddInitializer("w", Weights(3))], "y");
        AddOutput(model, isTransposed ? product.Set("transB", 1L) : product);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
    }

    /// <summary>One channel goes up to <paramref name="loudest"/>, all others to 1.</summary>
    private void WriteSamples(float loudest)
    {
        var random = new Random(11);
        for (var sample = 0; sample < 64; sample++)
        {
            var elements = Enumerable.Range(0, Width).Select(index => (float)((2 * random.NextDouble()) - 1) * (index == Loud ? loudest : 1));
            NpyFile.Write(Path.Combine(_folder, sample.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), TensorData.Create<float>([1, Width], [.. elements]));
        }
    }

    private (QuantizationReport Report, Model Model) Quantize()
    {
        var settings = new QuantizationSettings { CalibrationData = ["*.npy"], Format = ModelFormat.Dynamic };
        var result = ModelQuantizer.Quantize(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2), null, CancellationToken.None);
        return (result.Report, OnnxFile.FromBytes(result.Model.ToArray()));
    }
}
