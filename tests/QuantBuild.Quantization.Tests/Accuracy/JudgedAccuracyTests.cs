using System.Collections.Immutable;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class JudgedAccuracyTests
{
    [TestCase(true, false, "top1 fell from 0.9200 to 0.0800 on x64 without VNNI, as predicted (drop 0.8400, at most 0.0100 allowed)")]
    [TestCase(false, true, null)]
    public void Gate_OneMachineOfTheTargetFails_Fails(bool isOfTarget, bool passes, string? message)
    {
        var report = Report(isOfTarget);

        var judged = Gates.Judge(report, new() { MaxAccuracyDrop = 0.01 });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(judged.Gates.Single().Passed, Is.EqualTo(passes));
            Assert.That(judged.Gates.Single().Value, Is.EqualTo(isOfTarget ? 0.84 : 0));
            Assert.That(judged.Diagnostics.Select(diagnostic => diagnostic.Message), message is null ? Is.Empty : Is.EqualTo(new[] { $"m.onnx: {message}" }));
        }
    }

    [Test]
    public void Warning_NoLimit_NamesTheMachine() => Assert.That(
        Gates.Judge(Report(true), new()).Diagnostics.Single().Message, Does.Contain("to 0.0800 on x64 without VNNI, as predicted, and no limit"));

    [Test]
    public void Of_NoMachines_IsWhatWasMeasured() =>
        Assert.That(JudgedAccuracy.Of(new("top1", 0.9, 0.8, 0.1, 5) { Source = AccuracySource.EvaluationData }), Is.EqualTo(new JudgedAccuracy(0.8, 0.1) { Where = "" }));

    private static QuantizationReport Report(bool isOfTarget) => new()
    {
        Model = "m.onnx",
        Settings = ImmutableSortedDictionary<string, string>.Empty,
        Environment = new("", [], "", 1),
        Size = new(1, 1),
        Accuracy = new("top1", 0.92, 0.92, 0, 600)
        {
            Source = AccuracySource.EvaluationData,
            ByMachine = ImmutableSortedDictionary<string, MachineAccuracy>.Empty
                .Add("x64 with VNNI", new(0.92, 0, false, true)).Add("x64 without VNNI", new(0.08, 0.84, true, isOfTarget)),
        },
    };
}
