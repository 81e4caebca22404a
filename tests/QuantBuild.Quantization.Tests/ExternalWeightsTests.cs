using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Models whose weights lie in a file of their own: the same results as with all in one, and memory that does not grow with them.</summary>
internal sealed class ExternalWeightsTests
{
    private string _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Quantize_ExternalWeights_GivesTheBytesOfTheSingleFile()
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(13, [null, 8, 6, 6], (graph, x) =>
        {
            var conv = graph.AddNode("Conv", [x, graph.AddInitializer("w", tiny.Random(16, 8, 3, 3))], "conv").Output;
            Value Statistic(string name, float offset) => graph.AddInitializer(name, TensorData.Vector<float>([.. tiny.Random(16).ToFloats().Select(value => (value / 4) + offset)]));
            var normal = graph.AddNode("BatchNormalization", [conv, Statistic("gamma", 1), Statistic("beta", 0), Statistic("mean", 0), Statistic("variance", 1)], "normal").Output;
            var flat = graph.AddNode("Flatten", [graph.AddNode("Relu", [normal], "relu").Output], "flat").Output;
            var turned = graph.AddNode("Transpose", [graph.AddInitializer("matrix", tiny.Random(10, 256))], "turned").Output;
            return graph.AddNode("Gemm", [flat, turned, graph.AddInitializer("bias", tiny.Random(10))], "y").Set("alpha", 0.5f).Output;
        });
        for (var i = 0; i < 12; i++)
        {
            NpyFile.Write(Path.Combine(_folder, $"{i:d2}.npy"), tiny.Random(1, 8, 6, 6));
        }

        OnnxFile.Write(model, Path.Combine(_folder, "single.onnx"));
        Write(model, "external");

        Assert.That(Quantize("external").Model.ToArray(), Is.EqualTo(Quantize("single").Model.ToArray()));
    }

    [Test]
    public void Passes_OnMappedWeights_MakeMappedWeights()
    {
        var tiny = new TinyModels();
        Write(TinyModels.Build(13, [1, 32], (graph, x) =>
        {
            var turned = graph.AddNode("Transpose", [graph.AddInitializer("matrix", tiny.Random(16, 32))], "turned").Output;
            var gemm = graph.AddNode("Gemm", [x, turned, graph.AddInitializer("bias", tiny.Random(16))], "gemm").Set("alpha", 0.5f).Output;
            return graph.AddNode("Mul", [gemm, graph.AddInitializer("factors", tiny.Random(16))], "y").Output;
        }), "external");
        var model = OnnxFile.Read(Path.Combine(_folder, "external.onnx"));

        var prepared = PassPipeline.Default.Run(model);

        Passes.PassCheck.VerifySameResults(model, prepared);
        Assert.That(prepared.Graph.Initializers.Single(value => value.Constant!.Rank == 2).Constant!.Region, Is.Not.Null);
    }

    /// <summary>As an application loads it: by its path.</summary>
    [Test]
    public void StoredModel_InTwoFiles_LoadsAndComputesTheSame()
    {
        var tiny = new TinyModels();
        var model = TinyModels.Build(13, [1, 32], (graph, x) => graph.AddNode("MatMul", [x, graph.AddInitializer("w", tiny.Random(32, 16))], "y").Output);
        var input = tiny.Random(1, 32);
        Write(model, "two");

        using var session = new InferenceSession(Path.Combine(_folder, "two.onnx"));
        using var value = OrtValue.CreateTensorValueFromMemory(input.ToFloats(), [1, 32]);
        using var run = new RunOptions();
        using var results = session.Run(run, ["x"], [value], ["y"]);

        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", input);
        Assert.That(results[0].GetTensorDataAsSpan<float>().ToArray(), Is.EqualTo(TinyModels.Run(OnnxFile.ToBytes(model), inputs).ToFloats()));
    }

    /// <summary>
    /// 2.3 GB of weights in 14 layers. What counts is the memory that the system cannot take back, until the models are loaded for the
    /// evaluation, where packing copies the weights as it does in an application.
    /// </summary>
    [Test]
    [Category("Slow")]
    [Platform("Linux")]
    public void Quantize_MoreThanTwoGigabytes_TakesTheMemoryOfAFewLayers()
    {
        const int Layers = 14;
        const int Inner = 8192;
        const int Outer = 5120;
        WriteLayers(Layers, Outer, Inner);
        for (var i = 0; i < 4; i++)
        {
            NpyFile.Write(Path.Combine(_folder, $"{i:d2}.npy"), new TinyModels().Random(1, Outer));
        }

        using var memory = new AnonymousMemory();
        var settings = new QuantizationSettings { CalibrationData = ["*.npy"], Format = ModelFormat.Qdq };
        var result = ModelQuantizer.Quantize(new(Path.Combine(_folder, "large.onnx"), _folder, settings, 2), memory, CancellationToken.None);

        TestContext.Out.WriteLine($"{memory.PeakWhileQuantizing >> 20} MB while quantizing, {memory.Peak >> 20} MB with the evaluation");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Size.FloatBytes, Is.GreaterThan(2.2e9));
            Assert.That(result.Report.Operators.Count(row => row.Decision == Reports.OperatorDecision.Int8), Is.EqualTo(Layers));
            Assert.That(memory.PeakWhileQuantizing, Is.Positive.And.LessThan((4L * Inner * Outer * sizeof(float)) + (1L << 30)));
        }
    }

    /// <summary>All layers have the same weights, but each its own copy in the file.</summary>
    private void WriteLayers(int layers, int outer, int inner)
    {
        var weights = new TinyModels().Random(outer, inner);
        Write(
            TinyModels.Build(17, [1, outer], (graph, x) =>
            {
                for (var layer = 0; layer < layers; layer++)
                {
                    var matrix = graph.AddInitializer($"w{layer}", layer % 2 == 0 ? weights : weights.Reshape([inner, outer]));
                    x = graph.AddNode("MatMul", [x, matrix], $"layer{layer}").Output;
                }

                return x;
            }),
            "large");
    }

    private void Write(Model model, string name)
    {
        var stored = StoredModel.Of(model, name, largestSingleFile: 0);
        using var data = File.Create(Path.Combine(_folder, stored.Data!.Name));
        stored.Data.WriteTo(data);
        File.WriteAllBytes(Path.Combine(_folder, $"{name}.onnx"), stored.Bytes.ToArray());
    }

    private QuantizationResult Quantize(string name) =>
        ModelQuantizer.Quantize(new(Path.Combine(_folder, $"{name}.onnx"), _folder, new() { CalibrationData = ["*.npy"], Format = ModelFormat.Qdq }, 2), null, CancellationToken.None);
}
