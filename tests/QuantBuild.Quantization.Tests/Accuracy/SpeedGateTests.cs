using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class SpeedGateTests
{
    private static readonly QuantizationReport Report = new()
    {
        Model = "m.onnx",
        Settings = ImmutableSortedDictionary<string, string>.Empty,
        Environment = new("", [], "", 1),
        Size = new(100, 50),
        Latency = new(3, 2.4, 2, 1.5, [1.4, 1.6]) { PreparedSpeedup = 1.2, PreparedInterval = [1.1, 1.3] },
        Operators = [new("conv", "Conv", OperatorDecision.Int8, "", 30)],
    };

    [TestCase(1.4, true)]
    [TestCase(1.5, true)]
    [TestCase(1.51, false)]
    public void MinSpeedup_IsAFloorOnTheSpeedupAgainstFloatAsGiven(double limit, bool passed)
    {
        var judged = Gates.Judge(Report, new() { MinSpeedup = limit });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(judged.Gates, Is.EqualTo([new GateReport("MinSpeedup", limit, 1.5, passed)]));
            Assert.That(judged.Diagnostics.Select(diagnostic => diagnostic.Code), Is.EqualTo(passed ? [] : new[] { DiagnosticCodes.SpeedGateFailed }));
        }
    }

    [Test]
    public void MinSpeedup_Failed_SaysBothTimes() => Assert.That(
        Gates.Judge(Report, new() { MinSpeedup = 2 }).Diagnostics[0].Message,
        Is.EqualTo("m.onnx: the quantized model is 1.50 times as fast as the float model (3.0 ms to 2.0 ms), at least 2 times asked for"));

    [Test]
    public void MinSpeedup_NotANumber_Fails() => Assert.That(
        Gates.Judge(Report with { Latency = Report.Latency! with { Speedup = double.NaN } }, new() { MinSpeedup = 0.1 }).Gates[0].Passed, Is.False);

    [Test]
    public void MinSpeedup_NothingMeasured_IsQB1003()
    {
        var exception = Assert.Throws<QuantBuildException>(() => Gates.Judge(Report with { Latency = null }, new() { MinSpeedup = 1 }))!;

        Assert.That((exception.Code, exception.Message), Is.EqualTo((
            DiagnosticCodes.MissingSetting, "m.onnx: MinSpeedup is set, but there is no sample to measure with; add EvaluationData or CalibrationData.")));
    }

    [TestCase(0.8, true)]
    [TestCase(1.02, false)]
    public void PrunedFloatModel_ThatIsSlowerThanTheGivenOne_SaysSo(double highest, bool expected)
    {
        var report = Report with
        {
            Operators = [new("conv", "Conv", OperatorDecision.Float, "", null)],
            Latency = Report.Latency! with { Speedup = 0.78, Interval = [0.76, highest], PreparedInterval = [0.9, 1.1] },
            Pruning = new(1, 4, 1) { ParametersBefore = 4, Parameters = 3, Zeros = 0 },
        };

        Assert.That(Gates.Judge(report, new()).Diagnostics.Select(diagnostic => diagnostic.Code), Is.EqualTo(expected ? [DiagnosticCodes.SlowerThanFloat] : Array.Empty<DiagnosticCode>()));
    }

    [TestCase("0")]
    [TestCase("-1")]
    [TestCase("fast")]
    public void MinSpeedup_NoSpeedup_IsQB1002(string value) => Assert.That(
        () => SettingDefinitions.Parse([KeyValuePair.Create("MinSpeedup", value)]),
        Throws.TypeOf<QuantBuildException>().With.Message.Contains($"MinSpeedup is '{value}'"));

    [TestCase(0.8, 0.95, OperatorDecision.Int8, true)]
    [TestCase(0.8, 1.0, OperatorDecision.Int8, false)]
    [TestCase(0.9, 1.1, OperatorDecision.Int8, false)]
    [TestCase(0.8, 0.95, OperatorDecision.Float, false, Description = "it is the prepared float model")]
    public void Warning_OnlyWhereTheLossIsCertain(double low, double high, OperatorDecision decision, bool expected)
    {
        var report = Report with
        {
            Latency = Report.Latency! with { PreparedSpeedup = 0.9, PreparedInterval = [low, high] },
            Operators = [new("conv", "Conv", decision, "", 30)],
        };

        var judged = Gates.Judge(Gates.Judge(report, new()), new());

        Assert.That(
            judged.Diagnostics.Select(diagnostic => $"{diagnostic.Code} {diagnostic.Message.Contains("quantbuild tune", StringComparison.Ordinal)}"),
            Is.EqualTo(expected ? ["QB3004 True"] : Array.Empty<string>()), "said once, however often it is judged");
    }

    /// <summary>Through the main path: three forms are timed, and a speedup that no machine reaches fails.</summary>
    [Test]
    public void Quantize_WithMinSpeedup_MeasuresAndJudges()
    {
        var random = new TinyModels();
        var model = TinyModels.Build(13, [1, 64], (graph, x) =>
            graph.AddNode("Gemm", [x, graph.AddInitializer("w", random.Random(64, 64)), graph.AddInitializer("b", random.Random(64))], "y").Output);

        var (result, _, _) = random.Quantize(model, [1, 64], new() { MinSpeedup = 1e6 });

        var latency = result.Report.Latency!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.GatesPassed, Is.False);
            Assert.That(result.Report.Diagnostics.Select(diagnostic => diagnostic.Code), Does.Contain(DiagnosticCodes.SpeedGateFailed));
            Assert.That(latency.Threads[0].Threads, Is.EqualTo(1));
            Assert.That(latency.Threads, Has.Length.EqualTo(Inference.Machine.PhysicalCores > 1 ? 2 : 1));
            Assert.That(latency.Interval[0], Is.LessThanOrEqualTo(latency.Speedup).And.Positive);
            Assert.That(latency.Interval[1], Is.GreaterThanOrEqualTo(latency.Speedup));
            Assert.That(latency.PreparedSpeedup, Is.Not.Null.And.InRange(latency.PreparedInterval[0], latency.PreparedInterval[1]));
            Assert.That(new[] { latency.FloatMs, latency.PreparedFloatMs, latency.QuantizedMs }, Has.All.Positive);
        }
    }
}
