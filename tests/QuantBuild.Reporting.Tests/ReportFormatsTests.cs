using System.Text;

namespace QuantBuild.Reporting.Tests;

internal sealed class ReportFormatsTests
{
    [TestCase("out/report.json", "{")]
    [TestCase("report.HTML", "<!DOCTYPE html>")]
    [TestCase("report.md", "## QuantBuild")]
    public void Find_Extension_ChoosesTheForm(string path, string start)
    {
        var format = ReportFormats.Find(path);

        Assert.That(Encoding.UTF8.GetString(format!.Render(Reports.Passed)), Does.StartWith(start));
    }

    [TestCase("report")]
    [TestCase("report.txt")]
    [TestCase(".json/report")]
    public void Find_OtherExtension_IsNull(string path) => Assert.That(ReportFormats.Find(path), Is.Null);

    [Test]
    public void Extensions_All_AreListed() => Assert.That(ReportFormats.Extensions, Is.EqualTo(".json, .html or .md"));

    [Test]
    public void Render_EveryForm_TakesNumbersThatAreNotFinite()
    {
        var report = Reports.Passed with
        {
            Accuracy = new("top1", double.NaN, double.NaN, double.NaN, 3) { Source = Quantization.Reports.AccuracySource.CalibrationData },
            Latency = new(double.NaN, 1, 0, double.PositiveInfinity, [double.NaN, double.NaN]),
            Gates = [new("MaxAccuracyDrop", 0.01, double.NaN, false)],
            Operators = [new("conv1", "Conv", Quantization.Reports.OperatorDecision.Int8, "", double.NaN)],
        };

        foreach (var format in ReportFormats.All)
        {
            Assert.That(Encoding.UTF8.GetString(format.Render(report)), Does.Not.Contain("NaN").And.Not.Contain("Infinity").And.Not.Contain("∞"), format.Extension);
        }
    }
}
