using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class AgreementGateTests
{
    [TestCase("agreement", 0.94, 0.95, "the outputs of the quantized model have an agreement of 94.0 % against those of the float model on 20 samples, less than 95.0 %.")]
    [TestCase("cosine", 0.9949, 0.995, "the outputs of the quantized model have a cosine of 0.9949 against those of the float model on 20 samples, less than 0.9950.")]
    [TestCase("sqnr", 39.9, 40, "the outputs of the quantized model have a signal-to-noise ratio of 39.9 dB against those of the float model on 20 samples, less than 40.0 dB.")]
    public void NoLimit_WarnsBelowTheDefault(string metric, double value, double sufficient, string message)
    {
        var report = Report(metric, value, sufficient);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Gates.Judge(report, new()).Diagnostics.Select(diagnostic => (diagnostic.Code, diagnostic.Message)), Is.EqualTo([(DiagnosticCodes.AgreementLow, $"m.onnx: {message} Set EvaluationData with labels to measure what that costs, or MinAgreement to gate the build.")]));
            Assert.That(Gates.Judge(report with { Accuracy = report.Accuracy! with { Quantized = sufficient } }, new()).Diagnostics, Is.Empty);
            Assert.That(Gates.Judge(report, new() { MinAgreement = 0.5 }).Diagnostics, Is.Empty, "the limit that was set decides");
        }
    }

    /// <summary>Where nothing is quantized it is what pruning has made that is judged.</summary>
    [TestCase(OperatorDecision.Float, "the pruned model")]
    [TestCase(OperatorDecision.Int8, "the quantized model")]
    public void PrunedModel_IsCalledWhatItIs(OperatorDecision decision, string expected)
    {
        var report = Report("cosine", 0.9, 0.995) with { Pruning = new(1, 4, 1) { ParametersBefore = 9, Parameters = 6, Zeros = 0 }, Operators = [new("conv", "Conv", decision, "", null)] };

        Assert.That(Gates.Judge(report, new()).Diagnostics.Select(diagnostic => diagnostic.Message), Has.One.StartsWith($"m.onnx: the outputs of {expected} have a cosine of 0.9000"));
    }

    [TestCase(30, false)]
    [TestCase(25, true)]
    public void MinAgreement_IsAFloor(double limit, bool passes)
    {
        var judged = Gates.Judge(Report("sqnr", 27.5, 20), new() { MinAgreement = limit });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(judged.Gates, Is.EqualTo([new GateReport("MinAgreement", limit, 27.5, passes)]));
            Assert.That(judged.Diagnostics.Select(diagnostic => diagnostic.Message), Is.EqualTo(passes ? [] : new[] { "m.onnx: sqnr with the float model is 27.5000, at least 30.0000 asked for" }));
        }
    }

    [TestCase(AccuracyEffort.Fast, AccuracySource.EvaluationData, 100, "; AccuracyEffort=Fast searches for nothing that keeps it, Balanced does")]
    [TestCase(AccuracyEffort.Balanced, AccuracySource.HeldOutCalibrationData, 15, "; nothing is searched on 15 held-out samples, on 16 or on EvaluationData it is")]
    [TestCase(AccuracyEffort.Balanced, AccuracySource.HeldOutCalibrationData, 16, "")]
    [TestCase(AccuracyEffort.Best, AccuracySource.CalibrationData, 100, "; nothing is searched on samples that calibration has seen, on EvaluationData it is")]
    [TestCase(AccuracyEffort.Balanced, AccuracySource.EvaluationData, 2, "")]
    public void FailedGate_SaysWhyNothingWasSearched(AccuracyEffort effort, AccuracySource source, int samples, string expected)
    {
        var report = Report("sqnr", 27.5, 20);
        report = report with
        {
            Settings = ImmutableSortedDictionary<string, string>.Empty.Add("accuracyEffort", effort.ToString()),
            Accuracy = report.Accuracy! with { Source = source, Samples = samples },
            Operators = [new("conv", "Conv", OperatorDecision.Int8, "", null)],
        };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(GateMessages.Agreement(report, 30), Is.EqualTo("sqnr with the float model is 27.5000, at least 30.0000 asked for" + expected));
            Assert.That(GateMessages.Agreement(report with { Operators = [] }, 30), Does.EndWith("asked for"), "nothing is quantized, and nothing could be given back");
        }
    }

    [Test]
    public void MinAgreement_WhereLabelsJudge_IsQB1003()
    {
        var exception = Assert.Throws<QuantBuildException>(() => Gates.Judge(Report("top1", 0.9, null), new() { MinAgreement = 0.9, Metric = "top1" }))!;

        Assert.That((exception.Code, exception.Message), Is.EqualTo((
            DiagnosticCodes.MissingSetting, "m.onnx: MinAgreement is set, but there is no agreement to judge: the samples have labels, so that MaxAccuracyDrop or Metric decide, or there are none; set Metric to agreement, cosine or sqnr, or add EvaluationData.")));
    }

    /// <summary>Errors have a unit of their own, so that it is a share of them that counts.</summary>
    [TestCase(200, 201.9, false)]
    [TestCase(200, 202.1, true)]
    public void SquaredErrors_AreWarnedOfByTheirShare(double before, double after, bool isWarned)
    {
        var report = Report("mse", after, null);
        report = report with { Accuracy = report.Accuracy! with { Float = before, Drop = after - before } };

        Assert.That(Gates.Judge(report, new()).Diagnostics.Select(diagnostic => diagnostic.Code), Is.EqualTo(isWarned ? [DiagnosticCodes.AccuracyDropped] : Array.Empty<DiagnosticCode>()));
    }

    /// <summary>Without a search nothing of the model is another under another limit, but the metric may be.</summary>
    [TestCase("top1", null, 0.9, true)]
    [TestCase("top1", 0.01, 0.9, false)]
    [TestCase("agreement", null, 0.9, false)]
    [TestCase("sqnr", 0.01, null, true)]
    [TestCase("sqnr", null, 20.0, false)]
    public void StoredReport_WithAnotherMetricThanTheLimitsAskFor_IsOutdated(string metric, double? maxDrop, double? minAgreement, bool expected)
    {
        var settings = new QuantizationSettings { MaxAccuracyDrop = maxDrop, MinAgreement = minAgreement, AccuracyEffort = AccuracyEffort.Fast };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Gates.IsOutdated(Report(metric, 0.5, null), settings), Is.EqualTo(expected));
            Assert.That(Gates.IsOutdated(Report(metric, 0.5, null), settings with { Metric = metric }), Is.False, "the metric that is set stays");
        }
    }

    private static QuantizationReport Report(string metric, double value, double? sufficient)
    {
        var perfect = Metrics.Find(metric).Perfect ?? 0.9;
        return new()
        {
            Model = "m.onnx",
            Settings = ImmutableSortedDictionary<string, string>.Empty,
            Environment = new("cpu", [], "1", 1),
            Size = new(1, 1),
            Accuracy = new(metric, perfect, value, perfect - value, 20) { Source = AccuracySource.HeldOutCalibrationData, SufficientAgreement = sufficient },
        };
    }
}
