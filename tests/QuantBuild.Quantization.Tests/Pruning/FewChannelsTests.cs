using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>Shares of few channels: what stays in any case, and what is said where less goes than was asked for.</summary>
internal sealed class FewChannelsTests
{
    private const int Inputs = 12;

    private readonly TinyModels _tiny = new();
    private string _folder = "";

    private string ModelPath => Path.Combine(_folder, "tiny.onnx");

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        for (var i = 0; i < 24; i++)
        {
            NpyFile.Write(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{i:d3}.npy")), _tiny.Random(1, Inputs));
        }
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Of one channel the Squeeze would take the axis as well.</summary>
    [TestCase(5, 3)]
    [TestCase(3, 1)]
    public void SqueezeWithoutAxes_KeepsTwoChannels(int channels, int removed)
    {
        Write((graph, x) =>
        {
            var squeezed = graph.AddNode("Squeeze", [Gemm(graph, x, Inputs, channels)], "s").Output;
            var rows = graph.AddNode("Unsqueeze", [graph.AddNode("Relu", [squeezed], "r").Output, graph.AddInitializer("n", TensorData.Vector<long>([0]))], "u").Output;
            return Gemm(graph, rows, channels, 4);
        });

        var report = Prune(0.95);

        Assert.That((report.Pruning!.Removed, report.Pruning.Channels), Is.EqualTo((removed, channels)));
    }

    [Test]
    public void AGroupOfTwo_KeepsThem_AndTheShareGoesElsewhere()
    {
        Write((graph, x) => Gemm(graph, Relu(graph, Gemm(graph, Relu(graph, Gemm(graph, x, Inputs, 2)), 2, 8)), 8, 4));

        var report = Prune(0.5);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Pruning!.Groups.Select(group => (group.Channels, group.Removed)).Take(2), Is.EqualTo(new[] { (2, 0), (8, 4) }));
            Assert.That(report.Pruning.Groups[0].Reason, Is.EqualTo("at least two channels of every group stay"));
            Assert.That(report.Pruning.Channels, Is.EqualTo(8));
            Assert.That(Warnings(report), Is.Empty);
        }
    }

    [TestCase(0.1, 0, "Channels asks for 1 of 8 channels to be removed, and no group can lose so few: groups lose whole blocks of channels. Nothing was removed.")]
    [TestCase(0.2, 4, null, Description = "rounded to a block")]
    [TestCase(0.6, 4, null)]
    [TestCase(0.95, 4, "Channels asks for 8 of 8 channels to be removed, and 4 went: groups keep whole blocks of channels, and a fifth of their channels at least.")]
    public void Share_ThatIsNotMet_IsAWarning(double share, int removed, string? warning)
    {
        Write((graph, x) => Gemm(graph, Relu(graph, Gemm(graph, x, Inputs, 8)), 8, 4));

        var report = Prune(share);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Pruning!.Removed, Is.EqualTo(removed));
            Assert.That(Warnings(report), Is.EqualTo(warning is null ? [] : new[] { $"{ModelPath}: {warning}" }));
        }
    }

    [Test]
    public void WeightsBehindDequantizeLinear_AreNoFloatConstants()
    {
        Write((graph, x) =>
        {
            var weights = graph.AddInitializer("q", TensorData.Create<sbyte>([Inputs, 4], [.. Enumerable.Range(0, Inputs * 4).Select(value => (sbyte)(value - 20))]));
            var scale = graph.AddInitializer("scale", TensorData.Scalar(0.01f));
            return graph.AddNode("MatMul", [x, graph.AddNode("DequantizeLinear", [weights, scale], "w").Output], "y").Output;
        });

        var report = Prune(0.5);

        Assert.That(Warnings(report), Is.EqualTo(new[] { $"{ModelPath}: nothing can be pruned: the model has no layer whose weights are float constants, as those behind DequantizeLinear are not." }));
    }

    [TestCase(0.5, "the pruned float model is what is written")]
    [TestCase(null, "the prepared float model is what is written")]
    public void NothingQuantized_SaysWhatIsWritten(double? share, string expected)
    {
        Write((graph, x) => Gemm(graph, Relu(graph, Gemm(graph, x, Inputs, 8)), 8, 4));

        var report = ModelQuantizer.Quantize(Request(new() { Channels = share is null ? null : new(share) }), null, CancellationToken.None).Report;

        Assert.That(report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.NothingQuantized).Message, Does.Contain(expected));
    }

    [Test]
    public void NothingQuantized_OfAQuantizedModel_SaysThatItIs()
    {
        Write((graph, x) => graph.AddNode("Relu", [FloatLayersTests.Rounded(graph, x, "rounded")], "y").Output);

        var report = ModelQuantizer.Quantize(Request(new()), null, CancellationToken.None).Report;

        Assert.That(report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.NothingQuantized).Message, Does.Contain("the model is quantized already"));
    }

    private static IEnumerable<string> Warnings(QuantizationReport report) =>
        report.Diagnostics.Where(diagnostic => diagnostic.Code == DiagnosticCodes.NothingPruned).Select(diagnostic => diagnostic.Message);

    private static Value Relu(Graph graph, Value value) => graph.AddNode("Relu", [value], "r").Output;

    private Value Gemm(Graph graph, Value rows, int features, int outputs) =>
        graph.AddNode("Gemm", [rows, graph.AddInitializer("w", _tiny.Random(features, outputs)), graph.AddInitializer("b", _tiny.Random(outputs))], "y").Output;

    private void Write(Func<Graph, Value, Value> build) => OnnxFile.Write(TinyModels.Build(13, [1, Inputs], build), ModelPath);

    private QuantizationRequest Request(QuantizationSettings settings) =>
        new(ModelPath, _folder, settings with { CalibrationData = ["*.npy"], Metric = "sqnr", RefitEpochs = 0 }, 2) { MeasuresLatency = false };

    private QuantizationReport Prune(double share) =>
        ModelQuantizer.Quantize(Request(new() { Channels = new(share) }) with { PrunesOnly = true }, null, CancellationToken.None).Report;
}
