using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>Pruning as a request asks for it: what is left, and what makes up for what is gone.</summary>
internal sealed class ModelPruningTests
{
    private const int Inputs = 12;
    private const int Hidden = 16;
    private const int Outputs = 6;

    private string _folder = "";

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        var random = new Random(7);
        for (var i = 0; i < 96; i++)
        {
            float[] sample = [.. Enumerable.Range(0, Inputs).Select(_ => (float)random.NextDouble() - 0.5f)];
            NpyFile.Write(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{i:d3}.npy")), TensorData.Create<float>([1, Inputs], sample));
        }
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Every hidden channel is there twice: one of two can go, and its twin takes its weights over, but for the damping.</summary>
    [Test]
    public void RedundantChannels_GoWithoutALoss()
    {
        WriteModel(isRedundant: true);

        var (report, model) = Prune(new() { Channels = new(0.25), Metric = "cosine" });
        var (plain, _) = Prune(new() { Channels = new(0.25), Metric = "cosine", Refit = false });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Pruning!.Removed, Is.EqualTo(4));
            Assert.That(report.Pruning.Parameters, Is.EqualTo(report.Pruning.ParametersBefore - (4 * (Inputs + 1 + Outputs)) + Outputs), "and the bias that the last layer is given");
            Assert.That(model.Graph.Nodes.First(node => node.Is("Gemm")).Input(1)!.Constant!.Dimensions, Has.Member(12L));
            Assert.That(report.Accuracy!.Drop, Is.LessThan(0.01 * plain.Accuracy!.Drop));
        }
    }

    [Test]
    public void Refit_RecoversWhatCanBeRecovered()
    {
        WriteModel(isRedundant: false);

        var (refitted, _) = Prune(new() { Channels = new(0.25), Metric = "cosine" });
        var (plain, _) = Prune(new() { Channels = new(0.25), Metric = "cosine", Refit = false });

        Assert.That(refitted.Accuracy!.Drop, Is.LessThan(0.5 * plain.Accuracy!.Drop));
    }

    [TestCase(Saliency.SecondOrder)]
    [TestCase(Saliency.Magnitude)]
    public void Sparsity_MakesAsManyWeightsZero(Saliency saliency)
    {
        WriteModel(isRedundant: false);

        var (report, model) = Prune(new() { Sparsity = new(0.5, null), Saliency = saliency });

        var weights = LongSum(model);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(weights.Count(weight => weight == 0), Is.EqualTo(weights.Length / 2));
            Assert.That(report.Pruning!.Layers.Single(layer => layer.Reason is not null).Reason, Does.Contain("it sums over 12 weights"));
        }
    }

    [Test]
    public void Sparsity_OfNearlyAll_KeepsAWeightOfEachBlock()
    {
        WriteModel(isRedundant: false);

        var (report, model) = Prune(new() { Sparsity = new(0.999, null) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(LongSum(model).Count(weight => weight != 0), Is.EqualTo(1));
            Assert.That(report.Pruning!.Layers.Count(layer => layer.Reason is null), Is.EqualTo(1));
        }
    }

    [Test]
    public void TwoOfFour_AreZeroInEveryGroup_AndSecondOrderLosesLess()
    {
        WriteModel(isRedundant: false);

        var (report, model) = Prune(new() { Sparsity = new(0.5, 4) });
        var (byMagnitude, _) = Prune(new() { Sparsity = new(0.5, 4), Saliency = Saliency.Magnitude });

        // [hidden, outputs]: sums run over the rows
        var weights = LongSum(model);
        for (var output = 0; output < Outputs; output++)
        {
            float[] sum = [.. Enumerable.Range(0, Hidden).Select(index => weights[(index * Outputs) + output])];
            Assert.That(sum.Chunk(4).All(group => group.Count(weight => weight == 0) == 2), $"output {output}");
        }

        Assert.That(report.Accuracy!.Quantized, Is.GreaterThan(byMagnitude.Accuracy!.Quantized));
    }

    [Test]
    public void Auto_RemovesWhatTheLimitAllows_AndIsJudgedOnOtherSamples()
    {
        WriteModel(isRedundant: true);

        var (report, _) = Prune(new() { Channels = new(null), MaxAccuracyDrop = 80, EvaluationData = ["*.npy"] });

        using (Assert.EnterMultipleScope())
        {
            // Half of the channels are redundant; one more costs more than 60 of the 120 dB that stand for perfect.
            Assert.That(report.Pruning!.Removed, Is.InRange(4, 8));
            Assert.That(report.Accuracy!.Samples, Is.EqualTo(48));
            Assert.That(report.Gates.Single().Passed);
        }
    }

    [TestCase(1)]
    [TestCase(7)]
    public void Auto_JudgedByFewerSamplesThanSayAnything_RemovesNothing(int samples)
    {
        WriteModel(isRedundant: true);

        var (report, _) = Prune(new() { Channels = new(null), MaxAccuracyDrop = 80, EvaluationData = [.. Enumerable.Range(0, samples).Select(index => $"00{index}.npy")] });

        Assert.That((report.Pruning!.Removed, report.Gates.Single().Passed), Is.EqualTo((0, true)));
    }

    [Test]
    public void Auto_WithoutALimit_IsAnError()
    {
        WriteModel(isRedundant: true);

        var exception = Assert.Throws<QuantBuildException>(() => Prune(new() { Channels = new(null) }))!;

        Assert.That((exception.Code, exception.Message), Is.EqualTo((DiagnosticCodes.MissingSetting, $"{Path.Combine(_folder, "tiny.onnx")}: Channels=auto removes as many channels as MaxAccuracyDrop and MinAgreement allow, and neither is set. Set one, or Channels to a share such as 0.2.")));
    }

    /// <summary>A lock file is of the model that is quantized, and pruning alone quantizes nothing.</summary>
    [Test]
    public void PruningAlone_DoesNotFollowALockFile()
    {
        WriteModel(isRedundant: true);
        var locked = ModelQuantizer.Quantize(Request(new() { UpdateLock = true }), null, CancellationToken.None);
        File.WriteAllBytes(Path.Combine(_folder, "tiny.quantbuild.json"), locked.Lock!.Value.ToArray());

        var (report, _) = Prune(new() { Channels = new(0.25) });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Pruning!.Removed, Is.EqualTo(4));
            Assert.That(report.Settings["channels"], Is.EqualTo("0.25"));
        }
    }

    [Test]
    public void NothingToPrune_IsAWarning()
    {
        var model = TinyModels.Build(13, [1, Inputs], (graph, x) => graph.AddNode("Gemm", [x, graph.AddInitializer("w", Random(Inputs, Outputs, 1))], "y").Output);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));

        var (report, _) = Prune(new() { Channels = new(0.5) });

        Assert.That(report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.NothingPruned).Message, Does.Contain("no channel of the model can be removed; y keeps its own because"));
    }

    [Test]
    public void Quantized_WhatIsPrunedStaysSmall()
    {
        WriteModel(isRedundant: true);

        var result = ModelQuantizer.Quantize(Request(new() { Channels = new(0.25), Sparsity = new(0.5, null) }), null, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Pruning!.Removed, Is.EqualTo(4));
            Assert.That(result.Report.Pruning.CompressedBytes, Is.LessThan(result.Report.Pruning.CompressedFloatBytes));
            Assert.That(result.Report.Stages.Select(stage => stage.Name), Is.EqualTo(["prepare", "profile", "prune", "calibrate", "ranges", "plan", "search", "evaluate", "measure", "audit", "analyze"]));
            Assert.That(result.Report.Stages.Single(stage => stage.Name == "prune").Metric, Is.EqualTo(result.Report.Pruning!.Accuracy?.Quantized));
            Assert.That(result.Report.Stages.Single(stage => stage.Name == "evaluate").Metric, Is.EqualTo(result.Report.Accuracy?.Quantized));
        }
    }

    private static float[] LongSum(Model model) => model.Graph.Nodes.Last(node => node.Is("Gemm")).Input(1)!.Constant!.ToFloats();

    private static TensorData Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return TensorData.Create<float>([rows, columns], [.. Enumerable.Range(0, rows * columns).Select(_ => (float)random.NextDouble() - 0.5f)]);
    }

    /// <summary>Gemm, Relu, Gemm.</summary>
    private void WriteModel(bool isRedundant)
    {
        var weights = Random(Inputs, Hidden, 3).ToFloats();
        for (var i = 0; isRedundant && i < weights.Length; i++)
        {
            weights[i] = weights[(i / 2 * 2)] * (i % 2 == 0 ? 1 : 0.7f);
        }

        var model = TinyModels.Build(13, [1, Inputs], (graph, x) =>
        {
            var bias = TensorData.Vector<float>([.. Enumerable.Repeat(0f, Hidden)]);
            var hidden = graph.AddNode("Relu", [graph.AddNode("Gemm", [x, graph.AddInitializer("w1", TensorData.Create<float>([Inputs, Hidden], weights)), graph.AddInitializer("b1", bias)], "h").Output], "r").Output;
            return graph.AddNode("Gemm", [hidden, graph.AddInitializer("w2", Random(Hidden, Outputs, 4))], "y").Output;
        });
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
    }

    private QuantizationRequest Request(QuantizationSettings settings) =>
        new(Path.Combine(_folder, "tiny.onnx"), _folder, settings with { CalibrationData = ["*.npy"], Metric = settings.Metric ?? "sqnr" }, 2) { MeasuresLatency = false };

    private (QuantizationReport Report, Model Model) Prune(QuantizationSettings settings)
    {
        var result = ModelQuantizer.Quantize(Request(settings) with { PrunesOnly = true }, null, CancellationToken.None);
        return (result.Report, OnnxFile.FromBytes(result.Model.ToArray()));
    }
}
