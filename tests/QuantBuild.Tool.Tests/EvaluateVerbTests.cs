using System.Text;
using QuantBuild.Quantization;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Tests;

internal sealed class EvaluateVerbTests
{
    [Test]
    public async Task Evaluate_Options_ReachTheEngine()
    {
        ComparisonRequest? request = null;
        var engine = ToolRun.EngineGiving(Reports.Passed) with
        {
            Compare = (given, _, _) =>
            {
                request = given;
                return Reports.Passed;
            },
        };

        var run = await ToolRun.OfAsync(engine, ["evaluate", "f.onnx", "q.onnx", "--evaluation-data", "data", "--metric", "top1", "--layout", "nhwc"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero);
            Assert.That((request!.Float, request.Quantized, request.Settings.Metric), Is.EqualTo(("f.onnx", "q.onnx", "top1")));
            Assert.That(request.Settings.EvaluationData, Is.EqualTo(new[] { "data" }));
            Assert.That(request.Settings.Preprocessing.Layout, Is.EqualTo(Data.TensorLayout.Nhwc));
            Assert.That(run.Output, Does.Contain("0.9945 → 0.9917").And.Not.Contain("written"));
        }
    }

    [Test]
    public async Task Evaluate_GateFailed_IsOneAndSaysWhy()
    {
        using var folder = new TemporaryFolder();

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Failed),
            ["evaluate", "f.onnx", "q.onnx", "--evaluation-data", "data", "--max-accuracy-drop", "0.01", "--report", folder.File("r.md"), "--json"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1));
            Assert.That(run.Error, Does.StartWith("error QB3001: "));
            Assert.That(Encoding.UTF8.GetBytes(run.Output), Is.EqualTo(ReportJson.Write(Reports.Failed)));
            Assert.That(await File.ReadAllTextAsync(folder.File("r.md")), Is.EqualTo(ReportMarkdown.Write(Reports.Failed)));
        }
    }
}
