using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Sensitivity;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Sensitivity;

/// <summary>Two products of which the first has outliers in its weights, and class scores behind them.</summary>
internal sealed class ModelAnalysisTests
{
    private const int Width = 16;
    private const int Classes = 4;
    private const int SampleCount = 40;

    private readonly TinyModels _tiny = new();
    private string _folder = "";

    [SetUp]
    public void CreateFiles()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        var rough = _tiny.Random(Width, Width).ToFloats();
        // One weight that stands out makes the steps of all others coarse, since one scale serves the whole tensor.
        rough[5] = 30;
        OnnxFile.Write(
            TinyModels.Build(13, [1, Width], (graph, x) =>
            {
                var first = graph.AddNode("MatMul", [x, graph.AddInitializer("w", TensorData.Create<float>([Width, Width], rough))], "rough").Output;
                var relu = graph.AddNode("Relu", [first], "relu").Output;
                return graph.AddNode("MatMul", [relu, graph.AddInitializer("v", _tiny.Random(Width, Classes))], "fine").Output;
            }),
            Path.Combine(_folder, "tiny.onnx"));
        for (var index = 0; index < SampleCount; index++)
        {
            NpyFile.Write(Path.Combine(_folder, index.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), _tiny.Random(1, Width));
        }
    }

    [TearDown]
    public void DeleteFiles() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void OperatorThatSuffers_StandsFirst_AndIsWhatTheOthersAreFreeOf()
    {
        var analysis = Analyze(Settings);
        var (rough, fine) = (analysis.Operators[0], analysis.Operators[1]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(rough.Name, Is.EqualTo("rough"));
            Assert.That(rough.Alone.SqnrDb, Is.LessThan(fine.Alone.SqnrDb - 3));
            Assert.That(rough.AllBut.SqnrDb, Is.EqualTo(fine.Alone.SqnrDb).Within(1), "all but the one of two is the other alone");
            Assert.That(fine.AllBut.SqnrDb, Is.EqualTo(rough.Alone.SqnrDb).Within(1));
            Assert.That(analysis.All.SquaredError, Is.EqualTo(rough.Alone.SquaredError + fine.Alone.SquaredError).Within(30).Percent, "their noises add up");
            Assert.That(rough.Alone.SqnrDb, Is.EqualTo(-10 * Math.Log10(rough.Alone.SquaredError)).Within(1e-9));
            Assert.That(rough.Alone.Divergence, Is.GreaterThan(fine.Alone.Divergence!));
            Assert.That(rough.WeightSpread, Is.GreaterThan(10));
            Assert.That(fine.WeightSpread, Is.LessThan(2));
            Assert.That(analysis.Metric, Is.Null, "there are no labels");
        }
    }

    [Test]
    public void Labels_AddTheMetric()
    {
        var lines = Enumerable.Range(0, SampleCount).Select(index => string.Create(CultureInfo.InvariantCulture, $"{index:d2}.npy,{index % Classes}"));
        File.WriteAllLines(Path.Combine(_folder, "samples.csv"), lines.Prepend("file,label"));

        var analysis = Analyze(Settings with { CalibrationData = ["samples.csv"] });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(analysis.Metric, Is.EqualTo("top1"));
            Assert.That(analysis.Float, Is.InRange(0, 1));
            Assert.That(analysis.Operators.Select(row => row.Alone.Metric), Has.All.InRange(0, 1));
        }
    }

    [TestCase("cosine", 1)]
    [TestCase("agreement", 1)]
    [TestCase("sqnr", 120)]
    public void MetricOfAgreement_NeedsNoLabels(string metric, double perfect)
    {
        var analysis = Analyze(Settings with { Metric = metric });

        using (Assert.EnterMultipleScope())
        {
            Assert.That((analysis.Metric, analysis.Float), Is.EqualTo((metric, perfect)));
            Assert.That(analysis.All.Metric, Is.LessThanOrEqualTo(perfect).And.GreaterThan(0));
            Assert.That(analysis.Operators[0].Alone.Metric, Is.LessThanOrEqualTo(analysis.Operators[1].Alone.Metric!), "the one that suffers stands first");
        }
    }

    [Test]
    public void MetricOfLabels_WithoutThem_IsAnError() => Assert.That(
        Assert.Throws<QuantBuildException>(() => Analyze(Settings with { Metric = "top1" }))!.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));

    [Test]
    public void FewerSamples_AreThoseThatAreLeastCertain()
    {
        var (all, few) = (Analyze(Settings), Analyze(Settings with { AnalysisSamples = 4 }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(few.Samples, Is.EqualTo(4));
            Assert.That(all.Samples, Is.GreaterThan(16));
            Assert.That(few.Operators[0].Alone.Divergence, Is.Not.EqualTo(all.Operators[0].Alone.Divergence));
        }
    }

    /// <summary>The first product makes nearly all noise, so that half of the samples tell how much there is without the other.</summary>
    [Test]
    public void OperatorThatMakesLittleNoise_IsKnownFromHalfOfTheSamples()
    {
        // A weight that makes the steps of all others coarse, and meets zeros.
        var rough = _tiny.Random(Width, Width).ToFloats();
        rough[0] = 50;
        OnnxFile.Write(
            TinyModels.Build(17, [1, Width], (graph, x) =>
            {
                var first = graph.AddNode("MatMul", [x, graph.AddInitializer("w", TensorData.Create<float>([Width, Width], rough))], "rough").Output;
                var second = graph.AddNode("MatMul", [first, graph.AddInitializer("v", _tiny.Random(Width, Classes))], "fine").Output;
                return graph.AddNode("Reshape", [second, graph.AddInitializer("shape", TensorData.Create<long>([2], [2, 2]))], "square").Output;
            }),
            Path.Combine(_folder, "tiny.onnx"));
        foreach (var file in Directory.GetFiles(_folder, "*.npy"))
        {
            var elements = _tiny.Random(1, Width).ToFloats();
            elements[0] = 0;
            NpyFile.Write(file, TensorData.Create<float>([1, Width], elements));
        }

        var analysis = Analyze(Settings);
        var (worst, fine) = (analysis.Operators[0], analysis.Operators.Single(row => row.Name == "fine"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(worst.Name, Is.EqualTo("rough"));
            Assert.That(analysis.All.Samples, Is.EqualTo(analysis.Samples));
            Assert.That(fine.AllBut.Samples, Is.EqualTo(analysis.Samples / 2));
            Assert.That(worst.AllBut.Samples, Is.EqualTo(analysis.Samples / 2), "it is little of all noise");
            Assert.That(fine.AllBut.SqnrDb, Is.EqualTo(worst.Alone.SqnrDb).Within(0.1), "each from what it took");
        }
    }

    [Test]
    public void Tensors_TellWhatTheirLevelsAreUsedFor()
    {
        var tensor = Analyze(Settings with { CalibrationMethod = CalibrationMethodName.Percentile, CalibrationPercentile = 90 }).Tensors.Single(row => row.Name == "x");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.Max, Is.InRange(0.7, 1));
            Assert.That(tensor.ClippedShare, Is.EqualTo(0.1).Within(0.03), "a tenth is cut off");
            Assert.That(tensor.UnusedLevels, Is.LessThan(0.5));
        }
    }

    [Test]
    public void LevelsOfSixteenBits_AreNotCounted() => Assert.That(
        Analyze(Settings with { ActivationType = QuantizedType.U16 }).Tensors.Select(row => row.UnusedLevels), Is.Not.Empty.And.All.Null);

    [Test]
    public void Build_HasItInTheReport_WhereItIsAskedFor()
    {
        var settings = Settings with { Analyze = true };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ModelQuantizer.Quantize(Request(settings), null, CancellationToken.None).Report.Analysis!.Operators, Has.Length.EqualTo(2));
            Assert.That(ModelQuantizer.Quantize(Request(Settings), null, CancellationToken.None).Report.Analysis, Is.Null);
        }
    }

    [Test]
    public void SequenceBetweenOperators_IsACodedError_ThatBlamesNoSample()
    {
        OnnxFile.Write(
            GraphText.Parse(
                """
                opset 17
                graph g(x: float[1, 16]) -> (y: float) {
                  w: float[16, 1] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]
                  one: int64[] = [0]
                  s = SequenceConstruct(x, x)
                  a = MatMul(x, w)
                  e = SequenceAt(s, one)
                  y = Add(a, e)
                }
                """),
            Path.Combine(_folder, "tiny.onnx"));

        Assert.That(
            () => Analyze(Settings),
            Throws.TypeOf<QuantBuildException>().With.Property("Code").EqualTo(DiagnosticCodes.ModelNotLoadable).And.Message.Contains("cannot be analyzed"));
    }

    [Test]
    public void NoSamples_IsACodedError() => Assert.That(
        () => Analyze(new() { Format = ModelFormat.Dynamic }),
        Throws.TypeOf<QuantBuildException>().With.Property("Code").EqualTo(DiagnosticCodes.MissingSetting));

    private static QuantizationSettings Settings => new() { CalibrationData = ["*.npy"], Format = ModelFormat.Qdq, WeightGranularity = WeightGranularity.PerTensor };

    private QuantizationRequest Request(QuantizationSettings settings) => new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2);

    private AnalysisReport Analyze(QuantizationSettings settings) => ModelAnalysis.Analyze(Request(settings), null, CancellationToken.None);
}
