using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>What a bias keeps channels above goes into the biases of what reads them, where that lowers the error on other samples and changes nothing else.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class BiasAbsorptionTests
{
    private const int Width = 16;
    private const string Lowered = "takes up what is constant";

    private readonly TinyModels _tiny = new();
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.QOperator)]
    public void AHighChannel_IsLowered_AndSqnrRises(ModelFormat format)
    {
        WriteModel(20);
        WriteSamples(_ => 0);

        var (with, without) = (Quantize(Settings(Correction.Equalization) with { Format = format }), Quantize(Settings() with { Format = format }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reasons(with), Has.All.Contain(Lowered));
            Assert.That(Reasons(without), Has.None.Contain(Lowered));
            Assert.That(with.Report.Accuracy!.Quantized, Is.GreaterThan(without.Report.Accuracy!.Quantized + 10));
        }
    }

    /// <summary>Every other sample chooses, the rest proves: there the channel falls to where it would be cut off.</summary>
    [TestCase(0f, true)]
    [TestCase(-10f, false)]
    public void OtherSamplesFallLower_NothingIsLowered(float elsewhere, bool isLowered)
    {
        WriteModel(20);
        WriteSamples(position => position % 2 == 0 ? 0 : elsewhere);

        Assert.That(Reasons(Quantize(Settings(Correction.Equalization))), isLowered ? Has.All.Contain(Lowered) : Has.None.Contain(Lowered));
    }

    [Test]
    public void AChannelThatIsCutOff_IsLeftAlone()
    {
        WriteModel(0.1f);
        WriteSamples(_ => 0);

        Assert.That(Reasons(Quantize(Settings(Correction.Equalization))), Has.None.Contain(Lowered));
    }

    /// <summary>Lowered ranges come from those that the channels had, so that a file with these is as good as the samples.</summary>
    [Test]
    public void Calibration_AnyMethod_GivesTheBytesOfADirectRun([Values] CalibrationMethodName method)
    {
        WriteModel(20);
        WriteSamples(_ => 0);
        CalibrationRequest request = new(ModelPath, _folder, new() { CalibrationData = ["*.npy"] }, new(1, 1), 2);
        var calibration = Path.Combine(_folder, "all.qcal");
        File.WriteAllBytes(calibration, ModelCalibration.Calibrate(request, null, CancellationToken.None).Content.ToArray());
        var settings = Settings(Correction.Equalization) with { CalibrationMethod = method };

        var (direct, recorded) = (Quantize(settings), Quantize(settings with { CalibrationData = [], Calibration = calibration }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reasons(recorded), Has.All.Contain(Lowered));
            Assert.That(recorded.Model.ToArray(), Is.EqualTo(direct.Model.ToArray()));
        }
    }

    [Test]
    public void Lock_GivesTheSameBytes()
    {
        WriteModel(20);
        WriteSamples(_ => 0);
        var first = Quantize(Settings(Correction.Equalization) with { UpdateLock = true });
        File.WriteAllBytes(Path.Combine(_folder, "tiny.quantbuild.json"), first.Lock!.Value.ToArray());

        Assert.That(Quantize(Settings(Correction.Equalization)).Model.ToArray(), Is.EqualTo(first.Model.ToArray()));
    }

    /// <summary>The second reader has a bias, the first is given one.</summary>
    [Test]
    public void Apply_ConvolutionsWithKernels_ComputeTheSame()
    {
        var model = Build([8, 6, 6], (graph, relu) => graph.AddNode("Concat",
            [
                graph.AddNode("Conv", [relu, Constant(graph, 4, Width, 3, 3)], "a").Output,
                graph.AddNode("Conv", [relu, Constant(graph, 4, Width, 3, 3), Constant(graph, 4)], "b").Set("pads", [0L, 0, 0, 0]).Output,
            ], "c").Set("axis", 1L).Output);

        VerifySame(model, [8, 6, 6]);
    }

    [Test]
    public void Apply_GemmEitherWayRound_ComputesTheSame([Values] bool isTransposed)
    {
        var model = Build([8], (graph, relu) => graph.AddNode("Gemm", [relu, isTransposed ? Constant(graph, 5, Width) : Constant(graph, Width, 5)], "a").Set("transB", isTransposed ? 1L : 0).Output);

        VerifySame(model, [8]);
    }

    private static IEnumerable<TestCaseData> Others()
    {
        yield return Other("padding", (graph, relu, tiny) => graph.AddNode("Conv", [relu, Constant(graph, tiny, 4, Width, 3, 3)], "a").Set("pads", [1L, 1, 1, 1]).Output);
        yield return Other("padding by rule", (graph, relu, tiny) => graph.AddNode("Conv", [relu, Constant(graph, tiny, 4, Width, 3, 3)], "a").Set("auto_pad", "SAME_UPPER").Output);
        yield return Other("groups", (graph, relu, tiny) => graph.AddNode("Conv", [relu, Constant(graph, tiny, 4, Width / 2, 1, 1)], "a").Set("group", 2L).Output);
        yield return Other("another reader", (graph, relu, tiny) => graph.AddNode("Concat", [relu, graph.AddNode("Conv", [relu, Constant(graph, tiny, 4, Width, 1, 1)], "a").Output], "c").Set("axis", 1L).Output);
        yield return Other("a result", (_, relu, _) => relu);
        yield return Other("weights that are computed", (graph, relu, _) => graph.AddNode("Conv", [relu, relu], "a").Output);
    }

    [TestCaseSource(nameof(Others))]
    public void Find_WhatCannotTakeItUp_IsNoSite(Func<Graph, Value, TinyModels, Value> build) =>
        Assert.That(AbsorbingSite.Find(Build([8, 6, 6], (graph, relu) => build(graph, relu, _tiny))), Is.Empty);

    private static TestCaseData Other(string name, Func<Graph, Value, TinyModels, Value> build) => new TestCaseData(build).SetArgDisplayNames(name);

    private void VerifySame(Model model, ImmutableArray<long> shape)
    {
        ImmutableArray<float> shifts = [.. Enumerable.Range(0, Width).Select(channel => channel % 3 == 0 ? 2f + channel : 0)];
        var changed = AbsorbingSite.Apply(model, ImmutableDictionary<string, ImmutableArray<float>>.Empty.Add("r", shifts));
        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", _tiny.Random([1, .. shape]));

        var (before, after) = (TinyModels.Run(OnnxFile.ToBytes(model), inputs), TinyModels.Run(OnnxFile.ToBytes(changed), inputs));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(OnnxFile.ToBytes(changed), Is.Not.EqualTo(OnnxFile.ToBytes(model)));
            Assert.That(after.ToFloats(), Is.EqualTo(before.ToFloats()).Within(1e-3f));
        }
    }

    /// <summary>A layer whose every channel is far above 0, and a Relu 'r' behind it.</summary>
    private Model Build(ImmutableArray<long> shape, Func<Graph, Value, Value> readers) => TinyModels.Build(13, [1, .. shape], (graph, x) =>
    {
        var high = graph.AddInitializer("high", TensorData.Vector<float>([.. Enumerable.Repeat(40f, Width)]));
        var layer = shape.Length == 1
            ? graph.AddNode("Gemm", [x, Constant(graph, 8, Width), high], "l")
            : graph.AddNode("Conv", [x, Constant(graph, Width, 8, 1, 1), high], "l");
        return readers(graph, graph.AddNode("Relu", [layer.Output], "r").Output);
    });

    private Value Constant(Graph graph, params ImmutableArray<long> shape) => Constant(graph, _tiny, shape);

    private static Value Constant(Graph graph, TinyModels tiny, params ImmutableArray<long> shape) => graph.AddInitializer("w", tiny.Random(shape));

    private static IEnumerable<string> Reasons(QuantizationResult result) => result.Report.Operators.Where(row => row.Type == "Gemm").Select(row => row.Reason);

    private string ModelPath => Path.Combine(_folder, "tiny.onnx");

    /// <summary>Two layers with a Relu between them; the first adds <paramref name="bias"/> to its first channel, which is the first element of the sample.</summary>
    private void WriteModel(float bias)
    {
        float[] identity = [.. Enumerable.Range(0, Width * Width).Select(index => index % (Width + 1) == 0 ? 1f : 0)];
        OnnxFile.Write(TinyModels.Build(13, [1, Width], (graph, x) =>
        {
            var biases = graph.AddInitializer("biases", TensorData.Vector<float>([bias, .. Enumerable.Repeat(0f, Width - 1)]));
            var layer = graph.AddNode("Gemm", [x, graph.AddInitializer("first", TensorData.Create<float>([Width, Width], identity)), biases], "l").Output;
            return graph.AddNode("Gemm", [graph.AddNode("Relu", [layer], "r").Output, Constant(graph, Width, Width)], "y").Output;
        }), ModelPath);
    }

    /// <summary>Sixteen of many, so that the position in the order of content hashes says what is added to the first element.</summary>
    private void WriteSamples(Func<int, float> added)
    {
        var (random, name) = (new Random(4), Path.Combine(_folder, "candidate.npy"));
        var candidates = Enumerable.Range(0, 64).Select(_ => Enumerable.Range(0, Width).Select(index => (float)((random.NextDouble() * 2) - 1) * (index == 0 ? 0.1f : 1)).ToArray()).ToArray();
        string HashOf(float[] sample)
        {
            NpyFile.Write(name, TensorData.Create<float>([1, Width], sample));
            var hash = SampleSet.Open(new(["candidate.npy"], _folder, [new("x", ElementType.Float, [1, Width])], ImagePreprocessing.FromModel)).ContentHash(0);
            File.Delete(name);
            return hash;
        }

        // Both variants of each are hashed, and those are taken that lie where they are to lie.
        var variants = candidates.SelectMany(sample => new[] { 0f, added(1) }.Distinct().Select(shift => (Shift: shift, Sample: (float[])[sample[0] + shift, .. sample[1..]])))
            .OrderBy(variant => HashOf(variant.Sample), StringComparer.Ordinal).ToArray();
        var taken = 0;
        foreach (var (_, sample) in variants.Where(variant => taken < 16 && variant.Shift == added(taken)))
        {
            NpyFile.Write(Path.Combine(_folder, taken++.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), TensorData.Create<float>([1, Width], sample));
        }
    }

    private static QuantizationSettings Settings(params Correction[] corrections) =>
        new() { Format = ModelFormat.Qdq, CalibrationData = ["*.npy"], EvaluationData = ["*.npy"], Metric = "sqnr", Corrections = [.. corrections] };

    private QuantizationResult Quantize(QuantizationSettings settings) =>
        ModelQuantizer.Quantize(new(ModelPath, _folder, settings, 2) { MeasuresLatency = false }, null, CancellationToken.None);
}
