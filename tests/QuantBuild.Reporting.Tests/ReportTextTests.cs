using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting.Tests;

internal sealed class ReportTextTests
{
    [TestCase(0, "0 bytes")]
    [TestCase(1023, "1023 bytes")]
    [TestCase(1024, "1.0 KiB")]
    [TestCase(286_720, "280 KiB")]
    [TestCase(1_048_576, "1.0 MiB")]
    [TestCase(5_368_709_120, "5.0 GiB")]
    public void Bytes_Amount_TakesTheUnitThatFits(long bytes, string expected) =>
        Assert.That(ReportText.Bytes(bytes), Is.EqualTo(expected));

    [TestCase(0.9945, "0.9945")]
    [TestCase(0, "0.0000")]
    [TestCase(-0.0028, "-0.0028")]
    [TestCase(0.0000123, "1.23e-5")]
    [TestCase(double.NaN, "not finite")]
    public void Score_Value_KeepsWhatCanBeSeen(double value, string expected) =>
        Assert.That(ReportText.Score(value), Is.EqualTo(expected));

    [TestCase(0.01, "0.01")]
    [TestCase(1, "1")]
    public void Limit_Value_IsAsItWasWritten(double value, string expected) =>
        Assert.That(ReportText.Limit(value), Is.EqualTo(expected));

    [Test]
    public void Speedup_WithInterval_GivesIt() =>
        Assert.That(ReportText.Speedup(new(0.52, 0.41, 0.2, 2.6, [2.41, 2.78])), Is.EqualTo("2.60× as fast (2.41× to 2.78×)"));

    [Test]
    public void Speedup_WithoutInterval_GivesTheFactor() =>
        Assert.That(ReportText.Speedup(new(1, 1, 2, 0.5, [])), Is.EqualTo("0.50× as fast"));

    [TestCase(AccuracySource.EvaluationData, 1, "1 evaluation sample")]
    [TestCase(AccuracySource.HeldOutCalibrationData, 40, "40 held-out calibration samples")]
    [TestCase(AccuracySource.CalibrationData, 2, "2 calibration samples")]
    public void Samples_Source_IsNamed(AccuracySource source, int samples, string expected) =>
        Assert.That(ReportText.Samples(new("top1", 1, 1, 0, samples) { Source = source }), Is.EqualTo(expected));

    [TestCase(null, "1 of 4 channels, 75 % of the parameters left; outputs 20.0 dB → 23.0 dB in 30 epochs of learning")]
    [TestCase("no output is float", "1 of 4 channels, 75 % of the parameters left; nothing learned: no output is float")]
    public void Pruning_WithDistillation_SaysWhatItBrought(string? reason, string expected) =>
        Assert.That(
            ReportText.Pruning(new(1, 4, 1) { ParametersBefore = 4, Parameters = 3, Zeros = 0, Groups = [new("conv", 4, 1, null)], Distillation = new(30, 0.01, 0.005, reason) }),
            Is.EqualTo(expected));
}
