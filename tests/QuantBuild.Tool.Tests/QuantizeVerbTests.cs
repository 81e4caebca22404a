using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Settings;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Tests;

internal sealed class QuantizeVerbTests
{
    [Test]
    public async Task Quantize_GatesPassed_WritesTheModelIntoAFolderThatWasMissing()
    {
        using var folder = new TemporaryFolder();
        var output = folder.File("a/b/x.onnx");

        var run = await ToolRun.OfAsync(ToolRun.EngineGiving(Reports.Passed), ["quantize", "m.onnx", "--output", output]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero);
            Assert.That(folder.Files, Is.EqualTo(new[] { "a/b/x.onnx" }));
            Assert.That(await File.ReadAllBytesAsync(output), Is.EqualTo(ToolRun.QuantizedModel));
            Assert.That(run.Error, Is.EqualTo("warning QB2030: 3 evaluation samples are calibration samples too (https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB2030.md)\n"));
            Assert.That(run.Output, Does.Contain("top1            0.9945 → 0.9917 (drop 0.0028 on 360 evaluation samples)").And.Contain($"written         {output}"));
        }
    }

    [Test]
    public async Task Quantize_LargeResult_IsWrittenWithItsDataAndReplacesBoth()
    {
        using var folder = new TemporaryFolder();
        var (first, second) = (Stored(1), Stored(2));
        await File.WriteAllTextAsync(folder.File("x.0123456789abcdef.data"), "of a copy that somebody made");

        await ToolRun.OfAsync(Giving(first), ["quantize", "m.onnx", "--output", folder.File("x.onnx")]);
        var before = folder.Files.ToArray();
        await ToolRun.OfAsync(Giving(second), ["quantize", "m.onnx", "--output", folder.File("x.onnx")]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.EquivalentTo(["x.0123456789abcdef.data", first.Data!.Name, "x.onnx"]));
            Assert.That(folder.Files, Is.EquivalentTo(["x.0123456789abcdef.data", second.Data!.Name, "x.onnx"]));
            Assert.That(OnnxFile.Read(folder.File("x.onnx")).Graph.Initializers.Single().Constant!.ToFloats()[0], Is.EqualTo(2));
        }

        static StoredModel Stored(float weight) => StoredModel.Of(Models.Large(weight), "x", largestSingleFile: 1000);

        static Engine Giving(StoredModel stored) => Engine.Default with { Quantize = (_, _, _) => new(stored.Bytes, Reports.Passed) { Data = stored.Data } };
    }

    [Test]
    public async Task Quantize_GateFailed_WritesTheReportButNoModel()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("x.onnx"), "of an earlier run");

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Failed), ["quantize", "m.onnx", "--output", folder.File("x.onnx"), "--report", folder.File("r.json")]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1));
            Assert.That(folder.Files, Is.EqualTo(new[] { "r.json", "x.onnx" }));
            Assert.That(await File.ReadAllTextAsync(folder.File("x.onnx")), Is.EqualTo("of an earlier run"));
            Assert.That(run.Error, Does.StartWith("error QB3001: models/digits.onnx: top1 fell from 0.9945 to 0.9712 ("));
            Assert.That(run.Output, Does.Contain("gate failed     MaxAccuracyDrop is 0.0233, limit 0.01").And.Not.Contain("written"));
        }
    }

    [Test]
    public async Task Quantize_GateFailedWithKeepFailed_WritesTheModelAndStillFails()
    {
        using var folder = new TemporaryFolder();

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Failed), ["quantize", "m.onnx", "--output", folder.File("x.onnx"), "--keep-failed"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(1));
            Assert.That(folder.Files, Is.EqualTo(new[] { "x.onnx" }));
        }
    }

    [Test]
    public async Task Quantize_GateFailedWithoutADiagnostic_IsNotSilent()
    {
        using var folder = new TemporaryFolder();
        var report = Reports.Failed with { Diagnostics = [] };

        var run = await ToolRun.OfAsync(ToolRun.EngineGiving(report), ["quantize", "m.onnx", "--output", folder.File("x.onnx")]);

        Assert.That(run.Error, Does.StartWith("error QB3001: models/digits.onnx: Failed: MaxAccuracyDrop is 0.0233, limit 0.01."));
    }

    [Test]
    public async Task Quantize_Json_WritesTheReportAlone()
    {
        using var folder = new TemporaryFolder();

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Failed), ["quantize", "m.onnx", "--output", folder.File("x.onnx"), "--json"]);

        Assert.That(Encoding.UTF8.GetBytes(run.Output), Is.EqualTo(ReportJson.Write(Reports.Failed)));
    }

    [Test]
    public async Task Quantize_Report_IsInTheFormOfItsExtension([Values("r.json", "r.html", "deep/R.MD")] string name)
    {
        using var folder = new TemporaryFolder();

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Passed), ["quantize", "m.onnx", "--output", folder.File("x.onnx"), "--report", folder.File(name)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero);
            Assert.That(await File.ReadAllBytesAsync(folder.File(name)), Is.EqualTo(ReportFormats.Find(name)!.Render(Reports.Passed)));
        }
    }

    [TestCase("a.npz", "r.json", "--output", "a.npz")]
    [TestCase("e.npz", "r.json", "--output", "e.npz")]
    [TestCase("c.qcal", "r.json", "--output", "c.qcal")]
    [TestCase("m.lock", "r.json", "--output", "m.lock")]
    [TestCase("x.onnx", "lock.json", "--report", "lock.json")]
    public async Task Quantize_WhatIsRead_IsNeverOverwritten(string output, string report, string option, string named)
    {
        using var folder = new TemporaryFolder();
        foreach (var file in (string[])["a.npz", "e.npz", "c.qcal"])
        {
            await File.WriteAllTextAsync(folder.File(file), "read");
        }

        string[] read = ["--calibration-data", folder.File("a.npz"), "--evaluation-data", folder.File("e.npz"), "--calibration", folder.File("c.qcal"), "--lock", folder.File(option == "--report" ? "lock.json" : "m.lock")];
        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Passed), ["quantize", "m.onnx", "--output", folder.File(output), "--report", folder.File(report), .. read]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, folder.Files), Is.EqualTo((2, new[] { "a.npz", "c.qcal", "e.npz" })));
            Assert.That(run.Error, Does.StartWith($"error QB1002: {option} is '{folder.File(named)}'; expected a file of its own: what is read is never overwritten"));
        }
    }

    /// <summary>Samples that a folder, a pattern or a manifest covers.</summary>
    [TestCase("quantize", "data", "data/1.npy")]
    [TestCase("quantize", "data/*.npy", "data/1.npy")]
    [TestCase("quantize", "list.csv", "data/1.npy")]
    [TestCase("prune", "data", "data/1.npy")]
    [TestCase("calibrate", "data", "data/1.npy")]
    public async Task WhatPatternsCover_IsNeverOverwritten(string verb, string data, string output)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("data"));
        OnnxFile.Write(Models.Relu(), folder.File("m.onnx"));
        const string Header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3)}\n";
        byte[] sample = [0x93, .. "NUMPY"u8, 1, 0, (byte)Header.Length, 0, .. Encoding.ASCII.GetBytes(Header), .. new byte[3 * sizeof(float)]];
        await File.WriteAllBytesAsync(folder.File("data/1.npy"), sample);
        await File.WriteAllTextAsync(folder.File("list.csv"), "file\ndata/1.npy\n");

        string[] channels = verb == "prune" ? ["--channels", "0.2"] : [];
        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Passed), [verb, folder.File("m.onnx"), "--calibration-data", folder.File(data), "--output", folder.File(output), .. channels]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.Error, Does.StartWith($"error QB1002: --output is '{folder.File(output)}'; expected a file of its own: what is read is never overwritten"));
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(await File.ReadAllBytesAsync(folder.File("data/1.npy")), Is.EqualTo(sample));
        }
    }

    [Test]
    public async Task Quantize_Options_ReachTheEngine()
    {
        using var folder = new TemporaryFolder();
        QuantizationRequest? request = null;
        var engine = ToolRun.EngineGiving(Reports.Passed) with
        {
            Quantize = (given, _, _) =>
            {
                request = given;
                return new(ToolRun.QuantizedModel, Reports.Passed);
            },
        };

        await ToolRun.OfAsync(engine,
        [
            "quantize", "models/m.onnx", "--output", folder.File("x.onnx"), "--calibration-data", "a/*.png;b", "--calibration-data", "c",
            "--max-accuracy-drop", "0.01", "--calibration-method", "minmax", "--mean", "-0.5", "--threads", "3",
        ]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(request!.Model, Is.EqualTo("models/m.onnx"));
            Assert.That(request.BaseDirectory, Is.EqualTo(Directory.GetCurrentDirectory()));
            Assert.That(request.Threads, Is.EqualTo(3));
            Assert.That(request.Settings.CalibrationData, Is.EqualTo(new[] { "a/*.png", "b", "c" }));
            Assert.That(request.Settings.MaxAccuracyDrop, Is.EqualTo(0.01));
            Assert.That(request.Settings.CalibrationMethod, Is.EqualTo(CalibrationMethodName.MinMax));
            Assert.That(request.Settings.Preprocessing.Mean, Is.EqualTo(new[] { -0.5f }));
        }
    }

    [TestCase("folder", "it names a folder")]
    [TestCase("new/", "it names a folder")]
    [TestCase("file/x.onnx", "is a file, not a folder")]
    public async Task Quantize_OutputNotWritable_IsQB1007BeforeTheWork(string name, string reason)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("folder"));
        await File.WriteAllTextAsync(folder.File("file"), "");

        var run = await ToolRun.OfAsync(
            ToolRun.EngineThrowing(new AssertionException("The work was begun.")), ["quantize", "m.onnx", "--output", folder.File(name)]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(2));
            Assert.That(run.Error, Does.StartWith($"error QB1007: {folder.File(name)}: ").And.Contain(reason));
        }
    }

    [TestCase("--output")]
    [TestCase("--report")]
    public async Task Quantize_WouldOverwriteTheModel_IsQB1002(string option)
    {
        using var folder = new TemporaryFolder();
        var model = folder.File("real/m.json");
        Directory.CreateDirectory(folder.File("real"));
        await File.WriteAllTextAsync(model, "float");
        Directory.CreateSymbolicLink(folder.File("link"), folder.File("real"));
        string[] output = option == "--output" ? [] : ["--output", folder.File("x.onnx")];

        foreach (var same in new[] { model, folder.File("real/../real/m.json"), folder.File("link/m.json") })
        {
            var run = await ToolRun.OfAsync(ToolRun.EngineGiving(Reports.Passed), ["quantize", model, .. output, option, same]);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(run.ExitCode, Is.EqualTo(2), same);
                Assert.That(run.Error, Does.StartWith($"error QB1002: {option} is '{same}'"));
            }
        }

        Assert.That(await File.ReadAllTextAsync(model), Is.EqualTo("float"));
    }

    [Test]
    public async Task Quantize_ReportOverTheOutput_IsQB1002()
    {
        using var folder = new TemporaryFolder();

        var run = await ToolRun.OfAsync(
            ToolRun.EngineGiving(Reports.Passed), ["quantize", "m.onnx", "--output", folder.File("x.md"), "--report", folder.File("x.md")]);

        Assert.That(run.Error, Does.StartWith("error QB1002: --report is"));
    }
}
