using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

/// <summary>
/// Two products: one with a weight that stands out, so that it loses much as INT8, and one that does not. The metric is the SQNR, whose drop is counted
/// from 120 dB: all together have less than 35 dB, the good one alone more.
/// </summary>
internal sealed class GateSearchTests
{
    private const int Width = 16;
    private const int EvaluationCount = 24;
    private const double Reachable = 120 - 37;

    private const int CalibrationCount = 80;

    private readonly TinyModels _tiny = new();
    private string _folder = "";

    [SetUp]
    public void CreateFiles()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        var rough = _tiny.Random(Width, Width).ToFloats();
        rough[5] = 8;
        OnnxFile.Write(
            TinyModels.Build(13, [1, Width], (graph, x) =>
            {
                var first = graph.AddNode("MatMul", [x, graph.AddInitializer("w", TensorData.Create<float>([Width, Width], rough))], "rough").Output;
                return graph.AddNode("MatMul", [graph.AddNode("Sin", [first], "angle").Output, graph.AddInitializer("v", _tiny.Random(Width, Width))], "fine").Output;
            }),
            Path.Combine(_folder, "tiny.onnx"));
        foreach (var (kind, count) in new[] { ("calibration", CalibrationCount), ("evaluation", EvaluationCount) })
        {
            Directory.CreateDirectory(Path.Combine(_folder, kind));
            for (var index = 0; index < count; index++)
            {
                NpyFile.Write(Path.Combine(_folder, kind, index.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), _tiny.Random(1, Width));
            }
        }
    }

    [TearDown]
    public void DeleteFiles() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void GateThatFails_IsMetByWhatHarmsMost_AndConfirmedOnTheOtherHalf()
    {
        var report = Quantize(Settings).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Gates.Single().Passed, Is.True);
            Assert.That(Decisions(report), Is.EqualTo("rough Float, fine Int8"));
            Assert.That(report.Search, Is.EqualTo(new SearchReport(Reachable, report.Search!.Evaluations, EvaluationCount / 2, report.Search.Drop, true)
            {
                PredictedSpeedup = report.Search.PredictedSpeedup,
            }));
            Assert.That(report.Search!.PredictedSpeedup, Is.GreaterThan(0));
            Assert.That(report.Search!.Drop, Is.LessThanOrEqualTo(Reachable));
            Assert.That(report.Accuracy!.Samples, Is.EqualTo(EvaluationCount / 2), "the half that confirms");
            Assert.That(report.Accuracy.Drop, Is.Not.EqualTo(report.Search.Drop), "the number that gates is not the one that was optimised");
        }
    }

    /// <summary>120 dB less the drop: the same limit in other words.</summary>
    [Test]
    public void MinAgreement_IsSearchedForAsADropIs()
    {
        var byDrop = Quantize(Settings);

        var report = Quantize(Settings with { MaxAccuracyDrop = null, MinAgreement = 120 - Reachable, Metric = null }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Metric, Is.EqualTo("agreement"), "a vector of scores");
            Assert.That(report.Gates.Single().Passed, Is.False, "no share is 37");
        }

        report = Quantize(Settings with { MaxAccuracyDrop = null, MinAgreement = 120 - Reachable }).Report;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Gates, Is.EqualTo([new GateReport("MinAgreement", 120 - Reachable, report.Accuracy!.Quantized, true)]));
            Assert.That(report.Search, Is.EqualTo(byDrop.Report.Search));
            Assert.That(Decisions(report), Is.EqualTo("rough Float, fine Int8"));
        }
    }

    [Test]
    public void CalibrationDataAlone_HasAGate_AndASearchForIt_OnWhatIsHeldOut()
    {
        var report = Quantize(Settings with { EvaluationData = [], MaxAccuracyDrop = null, MinAgreement = 120 - Reachable }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Source, Is.EqualTo(AccuracySource.HeldOutCalibrationData));
            Assert.That(report.Search, Is.Not.Null.And.Property("Found").True);
            Assert.That(report.Search!.Samples + report.Accuracy.Samples, Is.EqualTo(CalibrationCount / 5), "a fifth of the calibration data");
            Assert.That(Decisions(report), Is.EqualTo("rough Float, fine Int8"));
            Assert.That(Gates.IsOutdated(report, Settings with { EvaluationData = [], MaxAccuracyDrop = null, MinAgreement = 120 - Reachable }), Is.False);
        }
    }

    [Test]
    public void TooFewSamplesToHoldAnyOut_AreJudgedBy_ButNotSearchedOn()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "calibration")).Order(StringComparer.Ordinal).Skip(9))
        {
            File.Delete(file);
        }

        var report = Quantize(Settings with { EvaluationData = [] }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Source, Is.EqualTo(AccuracySource.CalibrationData));
            Assert.That(report.Gates.Single().Passed, Is.False);
            Assert.That(report.Search, Is.Null);
        }
    }

    /// <summary>The one number tells that accuracy is kept, the other that nothing faster keeps it.</summary>
    [Test]
    public void SpeedThatNoCandidateHas_IsSaidBesideTheDrop()
    {
        var report = Quantize(Settings with { MinSpeedup = 1e6 }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Search!.MinSpeedup, Is.EqualTo(1e6));
            Assert.That(report.Gates.Select(gate => (gate.Name, gate.Passed)), Is.EqualTo([("MaxAccuracyDrop", true), ("MinSpeedup", false)]));
            Assert.That(
                report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.SpeedGateFailed).Message,
                Does.Match(@"at least 1000000 times asked for; of \d+ candidates it is the fastest by prediction \(\d+\.\d\d times\) that keeps the limit on accuracy \(drop \d+\.\d+, at most 83\.0000 allowed\)$"));
            Assert.That(Gates.IsOutdated(report, Settings), Is.True, "the search went by the speed, too");
        }
    }

    [Test]
    public void NeitherAccuracyNorSpeed_SaysBothOfTheBest()
    {
        var report = Quantize(Settings with { MaxAccuracyDrop = 1, MinSpeedup = 1e6, SearchBudget = 1 }).Report;

        Assert.That(
            report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.AccuracyGateFailed).Message,
            Does.Match(@"; of 1 candidates the best on half of the data has a drop of \d+\.\d+ and is predicted to be \d+\.\d\d times as fast as the prepared float model, at least 1000000 times asked for"));
    }

    [Test]
    public void Fast_SearchesNothing()
    {
        var report = Quantize(Settings with { AccuracyEffort = AccuracyEffort.Fast }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Diagnostics.Select(diagnostic => diagnostic.Code), Does.Contain(DiagnosticCodes.AccuracyGateFailed));
            Assert.That(report.Search, Is.Null);
            Assert.That(Decisions(report), Is.EqualTo("rough Int8, fine Int8"));
            Assert.That(report.Accuracy!.Samples, Is.EqualTo(EvaluationCount));
        }
    }

    /// <summary>A half of eight samples would choose by chance.</summary>
    [Test]
    public void FewHeldOutSamples_AreNotSearchedOn()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "calibration")).Order(StringComparer.Ordinal).Skip(40))
        {
            File.Delete(file);
        }

        var report = Quantize(Settings with { EvaluationData = [], MaxAccuracyDrop = null, MinAgreement = 120 - Reachable }).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Samples, Is.EqualTo(8));
            Assert.That((report.Search!.Evaluations, report.Search.Found), Is.EqualTo((0, false)));
            Assert.That(report.Gates.Single().Passed, Is.False);
        }
    }

    [Test]
    public void LimitThatNothingKeeps_LeavesTheModelAsItWas_AndSaysSo()
    {
        var without = Quantize(Settings with { MaxAccuracyDrop = null });

        var result = Quantize(Settings with { MaxAccuracyDrop = -1 });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.GatesPassed, Is.False);
            Assert.That(result.Report.Search, Is.Not.Null.And.Property("Found").False);
            Assert.That(result.Model.ToArray(), Is.EqualTo(without.Model.ToArray()));
            Assert.That(result.Report.Accuracy!.Samples, Is.EqualTo(EvaluationCount));
        }
    }

    [Test]
    public void LockThatFailsTheGate_IsNotSearched_NorTriedAgain()
    {
        var written = Quantize(Settings with { AccuracyEffort = AccuracyEffort.Fast, UpdateLock = true });
        File.WriteAllBytes(Path.Combine(_folder, "tiny.quantbuild.json"), written.Lock!.Value.ToArray());

        var report = Quantize(Settings).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Decisions(report), Is.EqualTo("rough Int8, fine Int8"), "the lock decides");
            Assert.That(report.Gates.Single().Passed, Is.False);
            Assert.That(report.Search?.Evaluations, Is.Zero);
            Assert.That(Gates.IsOutdated(report, Settings), Is.False);
        }
    }

    [Test]
    public void Budget_BoundsTheCandidates()
    {
        var report = Quantize(Settings with { SearchBudget = 1 }).Report;

        Assert.That(report.Search!.Evaluations, Is.LessThanOrEqualTo(1));
    }

    /// <summary>21 dB are asked of the outputs, more than the sine of a large angle leaves; a limit that allows anything takes it all again.</summary>
    [TestCase(AccuracyEffort.Balanced, 1)]
    [TestCase(AccuracyEffort.Best, 2)]
    public void Best_TakesAgainWhatTheLimitAllows(AccuracyEffort effort, int expected)
    {
        OnnxFile.Write(
            TinyModels.Build(13, [1, Width], (graph, x) =>
            {
                var first = graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(Width, Width))], "rough").Output;
                var angle = graph.AddNode("Mul", [first, graph.AddInitializer("k", TensorData.Scalar(1e3f))], "m").Output;
                return graph.AddNode("MatMul", [graph.AddNode("Sin", [angle], "angle").Output, graph.AddInitializer("v", _tiny.Random(Width, Width))], "fine").Output;
            }),
            Path.Combine(_folder, "tiny.onnx"));

        var report = Quantize(Settings with { AccuracyEffort = effort, MaxAccuracyDrop = 1000 }).Report;

        Assert.That(report.Operators.Count(row => row.Type == "MatMul" && row.Decision == OperatorDecision.Int8), Is.EqualTo(expected));
    }

    [TestCase(null, 0.5, 1.0, false, TestName = "{m}(the gate passes)")]
    [TestCase(null, 2.0, 1.0, true, TestName = "{m}(the gate fails, and nothing was searched)")]
    [TestCase(true, 0.5, 1.0, false, TestName = "{m}(found for this limit)")]
    [TestCase(true, 0.5, 2.0, true, TestName = "{m}(found for another limit)")]
    [TestCase(false, 2.0, 1.0, false, TestName = "{m}(not found for this limit)")]
    [TestCase(false, 2.0, 3.0, false, TestName = "{m}(not found, and the limit is looser)")]
    [TestCase(false, 2.0, 1.5, true, TestName = "{m}(not found for another limit)")]
    public void StoredReport_IsOutdated_WhereASearchWouldGiveAnother(bool? found, double drop, double limit, bool expected)
    {
        var report = Quantize(Settings with { AccuracyEffort = AccuracyEffort.Fast }).Report;
        report = report with
        {
            Accuracy = report.Accuracy! with { Drop = drop, ByMachine = report.Accuracy.ByMachine.Clear() },
            Search = found is { } isFound ? new(1, 5, 12, drop, isFound) : null,
        };

        Assert.That(Gates.IsOutdated(report, Settings with { MaxAccuracyDrop = limit }), Is.EqualTo(expected));
    }

    private static QuantizationSettings Settings => new()
    {
        CalibrationData = ["calibration"],
        EvaluationData = ["evaluation"],
        Format = ModelFormat.Qdq,
        WeightGranularity = WeightGranularity.PerTensor,
        Metric = "sqnr",
        MaxAccuracyDrop = Reachable,
    };

    private static string Decisions(QuantizationReport report) =>
        string.Join(", ", report.Operators.Where(row => row.Type == "MatMul").Select(row => $"{row.Name} {row.Decision}"));

    private QuantizationResult Quantize(QuantizationSettings settings) =>
        ModelQuantizer.Quantize(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2), null, CancellationToken.None);
}
