using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Tests;

internal sealed class FailureTests
{
    private static readonly string[] Quantize = ["quantize", "m.onnx", "--output", "unused/x.onnx"];

    [Test]
    public async Task Run_MistakeOfTheUser_IsOneLineAndTwo()
    {
        var engine = ToolRun.EngineThrowing(new QuantBuildException(DiagnosticCodes.SampleShape, "a.npz: the shape\nis [1,2]"));

        var run = await ToolRun.OfAsync(engine, Quantize);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Is.EqualTo("error QB2013: a.npz: the shape is [1,2] (https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB2013.md)\n"));
            Assert.That(Directory.Exists("unused"), Is.False);
        }
    }

    [Test]
    public async Task Run_Bug_IsOneLineAndSeventy()
    {
        var run = await ToolRun.OfAsync(ToolRun.EngineThrowing(new InvalidOperationException("Sequence contains no elements")), Quantize);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(70));
            Assert.That(run.ErrorLines.Count(), Is.EqualTo(1));
            Assert.That(run.Error, Does.StartWith("error QB9001: InvalidOperationException: Sequence contains no elements").And.Contain("QUANTBUILD_DEBUG=1"));
        }
    }

    [Test]
    public async Task Run_BugWithTraceAskedFor_ShowsWhere()
    {
        var engine = ToolRun.EngineThrowing(new InvalidOperationException("Sequence contains no elements"));

        var run = await ToolRun.OfAsync(engine, Quantize, showsStackTraces: true);

        Assert.That(run.Error, Does.Contain("   at QuantBuild.Tool."));
    }

    [Test]
    public async Task Run_ResultThatCannotBeLoaded_IsABugOfOurs()
    {
        var run = await ToolRun.OfAsync(ToolRun.EngineThrowing(new QuantBuildException(DiagnosticCodes.ResultNotLoadable, "m.onnx: no")), Quantize);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(70));
            Assert.That(run.Error, Does.StartWith("error QB9002: m.onnx: no ("));
        }
    }

    [Test]
    public async Task Run_Interrupted_Is130AndWritesNothing()
    {
        using var folder = new TemporaryFolder();
        using var interruption = new CancellationTokenSource();
        var engine = ToolRun.EngineGiving(Reports.Passed) with
        {
            Quantize = (_, _, cancellation) =>
            {
                interruption.Cancel();
                cancellation.ThrowIfCancellationRequested();
                throw new AssertionException("The token of the process did not reach the engine.");
            },
        };

        var run = await ToolRun.OfAsync(engine, ["quantize", "m.onnx", "--output", folder.File("out/x.onnx")], cancellation: interruption.Token);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(130));
            Assert.That(run.Error, Is.EqualTo("interrupted\n"));
            Assert.That(Directory.EnumerateFileSystemEntries(folder.Path), Is.Empty);
        }
    }

    [Test]
    public async Task Run_InterruptedAfterTheWork_WritesNothing()
    {
        using var folder = new TemporaryFolder();
        using var interruption = new CancellationTokenSource();
        var engine = ToolRun.EngineGiving(Reports.Passed);
        var late = engine with
        {
            Quantize = (request, progress, cancellation) =>
            {
                interruption.Cancel();
                return engine.Quantize(request, progress, cancellation);
            },
        };

        var run = await ToolRun.OfAsync(late, ["quantize", "m.onnx", "--output", folder.File("x.onnx"), "--report", folder.File("r.md")], cancellation: interruption.Token);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(130));
            Assert.That(folder.Files, Is.Empty);
        }
    }
}
