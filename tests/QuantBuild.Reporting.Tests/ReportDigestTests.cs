using System.Collections.Immutable;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting.Tests;

internal sealed class ReportDigestTests
{
    [Test]
    public void Verdict_GateFailed_NamesGateValueAndLimit() =>
        Assert.That(new ReportDigest(Reports.Failed).Verdict, Is.EqualTo("Failed: MaxAccuracyDrop is 0.0233, limit 0.01"));

    [Test]
    public void Verdict_OneOfTwoGatesFailed_NamesThatOne()
    {
        var report = Reports.Failed with { Gates = [.. Reports.Failed.Gates, new("MinSpeedup", 1, 2.6, true)] };

        Assert.That(new ReportDigest(report).Verdict, Does.StartWith("Failed:").And.Not.Contain("MinSpeedup"));
    }

    [Test]
    public void Verdict_NoGate_SaysSo()
    {
        var digest = new ReportDigest(Reports.Bare);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(digest.Passed, Is.True);
            Assert.That(digest.Verdict, Is.EqualTo("No limit was set"));
        }
    }

    [Test]
    public void Quantized_FormsOfOperators_AreCounted()
    {
        ImmutableArray<OperatorReport> operators =
            [new("a", "Conv", OperatorDecision.Int8, "", 30), new("b", "LSTM", OperatorDecision.Dynamic, "", 30), new("c", "Conv", OperatorDecision.Int8, "", 30), new("d", "Tanh", OperatorDecision.Float, "", null)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(new ReportDigest(Reports.Passed with { Operators = operators }).Quantized, Is.EqualTo("2 of 4 in INT8, 1 in INT8 with ranges found at run time"));
            Assert.That(new ReportDigest(Reports.Passed with { Operators = [] }).Quantized, Is.EqualTo("none of 0 quantized"));
        }
    }

    [Test]
    public void StayedFloat_Operators_AreGroupedByReasonLargestFirst()
    {
        var groups = new ReportDigest(Reports.Passed).StayedFloat;

        Assert.That(groups.Select(group => (group.Types, group.Reason)), Is.EqualTo(new[]
        {
            ("2 Softmax", "ONNX Runtime has no INT8 kernel for it"),
            ("1 Concat", "mixes boxes with scores <of other ranges>"),
        }));
    }

    [Test]
    public void Reasons_ThatDifferInTheirNumbers_AreOneGroupWithBothEnds()
    {
        OperatorReport Float(string name, string type, string reason) => new(name, type, OperatorDecision.Float, reason, null);
        ImmutableArray<OperatorReport> operators =
        [
            Float("a", "Mul", "ONNX Runtime 1.31.1 leaves 30.5 dB of INT8 in 2 steps"), Float("b", "Conv", "ONNX Runtime 1.31.1 leaves 9.25 dB of INT8 in 2 steps"),
            Float("c", "Mul", "ONNX Runtime 1.31.1 leaves 101 dB of INT8 in 2 steps"), Float("d", "Mul", "ONNX Runtime 1.31.1 leaves none"),
        ];

        var groups = new ReportDigest(Reports.Passed with { Operators = operators }).StayedFloat;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(groups.Select(group => group.Reason), Is.EqualTo(new[] { "ONNX Runtime 1.31.1 leaves 9.25 to 101 dB of INT8 in 2 steps", "ONNX Runtime 1.31.1 leaves none" }));
            Assert.That(groups[0].Types, Is.EqualTo("2 Mul, 1 Conv"));
            Assert.That(groups[0].Names, Is.EqualTo(new[] { "a", "b", "c" }));
        }
    }

    [TestCase("it goes down to -10", "it goes down to -5", "it goes down to -10 to -5")]
    [TestCase("a share of 1.7e-4", "a share of 2e-9", "a share of 2e-9 to 1.7e-4")]
    [TestCase("65,536 rows, 3 columns", "1,024 rows, 3 columns", "1,024 to 65,536 rows, 3 columns")]
    [TestCase("'/layer/3/Conv' reads it", "'/layer/4/Conv' reads it", null)]
    public void Reasons_NumbersOfAnyForm_AreJoined_AndNamesAreNot(string one, string other, string? joined)
    {
        ImmutableArray<OperatorReport> operators = [new("a", "Mul", OperatorDecision.Float, one, null), new("b", "Mul", OperatorDecision.Float, other, null)];

        Assert.That(new ReportDigest(Reports.Passed with { Operators = operators }).StayedFloat.Select(group => group.Reason), Is.EqualTo(joined is null ? [one, other] : new[] { joined }));
    }

    [Test]
    public void Worst_FloatAndUnmeasuredOperators_AreLeftOut()
    {
        ImmutableArray<OperatorReport> operators =
            [.. Reports.Passed.Operators, new("exact", "MaxPool", OperatorDecision.Int8, "", double.PositiveInfinity)];

        var worst = new ReportDigest(Reports.Passed with { Operators = operators }).Worst(9);

        Assert.That(worst.Select(row => row.Name), Is.EqualTo(new[] { "conv2", "conv1", "pool" }));
    }

    [Test]
    public void SizeRatio_EmptyFile_IsOne() =>
        Assert.That(new ReportDigest(Reports.Bare with { Size = new(0, 0) }).SizeRatio, Is.EqualTo(1));
}
