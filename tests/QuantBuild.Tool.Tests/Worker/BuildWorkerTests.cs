using QuantBuild.Onnx;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;
using QuantBuild.Tool.Worker;

namespace QuantBuild.Tool.Tests.Worker;

internal sealed class BuildWorkerTests
{
    private static readonly byte[] Quantized = [1, 2, 3];

    private TemporaryFolder _folder = null!;
    private Engine _engine = null!;
    private int _quantizations;

    [SetUp]
    public void WriteModel()
    {
        _folder = new TemporaryFolder();
        _quantizations = 0;
        _engine = Engine.Default with
        {
            Quantize = (request, _, _) =>
            {
                _quantizations++;
                return new QuantizationResult(Quantized, Reports.Passed with { Model = request.Model });
            },
        };
        OnnxFile.Write(Models.Relu(), _folder.File("model.onnx"));
    }

    [TearDown]
    public void Delete() => _folder.Dispose();

    [Test]
    public async Task Model_Unchanged_IsQuantizedOnce()
    {
        var first = await WorkerRun.OfAsync(_engine, _folder.Path, ("MaxAccuracyDrop", "0.01"));
        var second = await WorkerRun.OfAsync(_engine, _folder.Path, ("MaxAccuracyDrop", "0.01"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((first.ExitCode, second.ExitCode, _quantizations), Is.EqualTo((0, 0, 1)));
            Assert.That(second.Result.Text, Does.EndWith("(content unchanged, reused)"));
            Assert.That(second.Codes, Is.EqualTo(first.Codes).And.EqualTo(new[] { "QB2030" }), "warnings are said again");
            Assert.That(await File.ReadAllBytesAsync(_folder.File("store/model.onnx")), Is.EqualTo(Quantized));
        }
    }

    [Test]
    public async Task Limit_Changed_JudgesTheSameResult()
    {
        var failed = await WorkerRun.OfAsync(_engine, _folder.Path, ("MaxAccuracyDrop", "0.001"));
        var withheld = _folder.Files.ToArray();
        var passed = await WorkerRun.OfAsync(_engine, _folder.Path, ("MaxAccuracyDrop", "0.01"));
        var report = ReportJson.Read(await File.ReadAllBytesAsync(_folder.File("store/report.json")))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That((failed.ExitCode, failed.Result.Passed, passed.ExitCode, _quantizations), Is.EqualTo((1, false, 0, 1)));
            Assert.That(failed.Codes, Is.EqualTo(["QB2030", "QB3001"]));
            Assert.That(passed.Codes, Is.EqualTo(["QB2030"]));
            Assert.That(withheld, Does.Contain("store/model.onnx.withheld").And.Not.Contains("store/model.onnx"));
            Assert.That(_folder.Files, Does.Contain("store/model.onnx").And.Not.Contains("store/model.onnx.withheld"));
            Assert.That(report.Settings["maxAccuracyDrop"], Is.EqualTo("0.01"));
            Assert.That(report.Gates, Is.EqualTo([new GateReport("MaxAccuracyDrop", 0.01, 0.0028, true)]));
        }
    }

    /// <summary>The reused result holds a speedup of 2.6.</summary>
    [TestCase("2", 0, 0, 0)]
    [TestCase("3", 3.5, 0, 1)]
    [TestCase("3", 2.9, 1, 1)]
    public async Task MinSpeedup_OfAReusedResult_IsMeasuredAgainBeforeItFails(string limit, double measured, int exitCode, int measurements)
    {
        var (calls, path) = (0, "");
        var engine = _engine with
        {
            Measure = (_, result, _) =>
            {
                (calls, path) = (calls + 1, Path.GetFileName(result));
                return Reports.Passed.Latency! with { Speedup = measured };
            },
        };
        await WorkerRun.OfAsync(engine, _folder.Path);

        var run = await WorkerRun.OfAsync(engine, _folder.Path, ("MinSpeedup", limit));
        var report = ReportJson.Read(await File.ReadAllBytesAsync(_folder.File("store/report.json")))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, calls, _quantizations), Is.EqualTo((exitCode, measurements, 1)));
            Assert.That(run.Codes.Contains("QB3005"), Is.EqualTo(exitCode == 1));
            Assert.That(report.Latency!.Speedup, Is.EqualTo(measurements == 0 ? 2.6 : measured), "what was measured last is what the report says");
            Assert.That(path, Is.EqualTo(measurements == 0 ? "" : "model.onnx"));
            Assert.That(report.Settings["minSpeedup"], Is.EqualTo(limit));
        }
    }

    /// <summary>Its metric may be another one.</summary>
    [TestCase("MinAgreement", "", 2)]
    [TestCase("MaxAccuracyDrop", "", 1)]
    [TestCase("MaxAccuracyDrop", "auto", 2, TestName = "{m}(as far as which channels are removed)")]
    public async Task Limit_ThatChangesTheResult_MakesItAnew(string limit, string channels, int quantizations)
    {
        (string, string)[] settings = channels.Length == 0 ? [] : [("Channels", channels)];
        await WorkerRun.OfAsync(_engine, _folder.Path, settings);

        await WorkerRun.OfAsync(_engine, _folder.Path, [.. settings, (limit, "0.5")]);

        Assert.That(_quantizations, Is.EqualTo(quantizations));
    }

    [Test]
    public async Task Limit_Removed_WarnsInsteadOfFailing()
    {
        var lossy = _engine with { Quantize = (_, _, _) => new(Quantized, Reports.Failed) };

        var failed = await WorkerRun.OfAsync(lossy, _folder.Path, ("MaxAccuracyDrop", "0.01"));
        var warned = await WorkerRun.OfAsync(lossy, _folder.Path);

        Assert.That((string.Join(' ', failed.Codes), string.Join(' ', warned.Codes)), Is.EqualTo(("QB3001", "QB3002")));
    }

    [TestCase("store/model.onnx")]
    [TestCase("store/report.json")]
    [TestCase("store/fingerprint.txt")]
    public async Task Store_Damaged_IsNotTrusted(string file)
    {
        await WorkerRun.OfAsync(_engine, _folder.Path);
        await File.WriteAllBytesAsync(_folder.File(file), [0]);

        var run = await WorkerRun.OfAsync(_engine, _folder.Path);

        Assert.That((run.ExitCode, _quantizations), Is.EqualTo((0, 2)));
    }

    [Test]
    public async Task Data_OfAManifest_IsAnInput()
    {
        await File.WriteAllTextAsync(_folder.File("list.csv"), "file\na.npy\n");
        await File.WriteAllBytesAsync(_folder.File("a.npy"), Models.Npy(1, 2, 3));
        var first = await WorkerRun.OfAsync(_engine, _folder.Path, ("CalibrationData", "list.csv"));
        await File.WriteAllBytesAsync(_folder.File("a.npy"), Models.Npy(1, 2, 4));

        await WorkerRun.OfAsync(_engine, _folder.Path, ("CalibrationData", "list.csv"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Messages.Where(message => message.Type == "input").Select(message => Path.GetFileName(message.Path)), Is.EquivalentTo(["model.onnx", "list.csv", "a.npy"]));
            Assert.That(_quantizations, Is.EqualTo(2));
        }
    }

    [Test]
    public async Task Metadata_Unknown_IsWarnedAbout()
    {
        var run = await WorkerRun.OfAsync(_engine, _folder.Path, ("MaxAcuracyDrop", "0.01"), ("Link", "x.onnx"), ("Flavour", "mint"));

        Assert.That(
            run.Messages.Where(message => message.Code == "QB1006").Select(message => message.Text),
            Is.EqualTo([
                "model.onnx: the metadata 'Flavour' is not known and has no effect; known are " + Known(),
                "model.onnx: the metadata 'MaxAcuracyDrop' is not known and has no effect; did you mean 'MaxAccuracyDrop'?",
            ]));

        static string Known() => string.Join(", ", [.. Quantization.Settings.SettingDefinitions.All.Select(setting => setting.MetadataName), "Link", "CopyToOutputDirectory", "Pack"]) + ".";
    }

    [Test]
    public async Task Data_ThatIsMissing_WithholdsTheResultOfBefore()
    {
        await WorkerRun.OfAsync(_engine, _folder.Path);

        var run = await WorkerRun.OfAsync(_engine, _folder.Path, ("EvaluationData", "nowhere"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Result.Passed), Is.EqualTo((2, false)));
            Assert.That(run.Codes, Is.EqualTo(["QB2010"]));
            Assert.That(_folder.Files, Does.Not.Contain("store/model.onnx"));
        }
    }

    [Test]
    public async Task Bug_OfOurs_IsOneLineWithItsTraceBesides()
    {
        var run = await WorkerRun.OfAsync(ToolRun.EngineThrowing(new InvalidOperationException("one\ntwo.")), _folder.Path);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.EqualTo(70));
            Assert.That(run.Messages.Single(message => message.Code == "QB9001").Text, Does.StartWith("model.onnx: InvalidOperationException: one two. This is a bug"));
            Assert.That(run.Messages.Single(message => message.Type == "trace").Text, Does.Contain("   at "));
        }
    }

    [Test]
    public async Task Lifeline_Cut_EndsTheWork()
    {
        using var started = new ManualResetEventSlim();
        var cancelled = false;
        var endless = _engine with
        {
            Quantize = (_, _, cancellation) =>
            {
                started.Set();
                cancelled = cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
                cancellation.ThrowIfCancellationRequested();
                throw new InvalidOperationException("The lifeline did not end the work.");
            },
        };
        using var input = new LineThenEnd(WorkerRun.Request(_folder.Path), started);
        using var output = new MemoryStream();
        var before = Environment.CurrentDirectory;

        var exitCode = await new BuildWorker(endless, output).RunAsync(input, CancellationToken.None);
        Environment.CurrentDirectory = before;

        Assert.That((exitCode, cancelled), Is.EqualTo((130, true)));
    }

    [Test]
    public async Task Result_WithData_IsStoredWithItAndSaysSo()
    {
        var large = StoredModel.Of(Models.Large(), "model", largestSingleFile: 1000);
        var engine = _engine with { Quantize = (_, _, _) => new(large.Bytes, Reports.Passed) { Data = large.Data } };

        var first = await WorkerRun.OfAsync(engine, _folder.Path);
        var reused = await WorkerRun.OfAsync(_engine, _folder.Path);
        await File.WriteAllBytesAsync(_folder.File($"store/{large.Data!.Name}"), [1]);
        var damaged = await WorkerRun.OfAsync(_engine, _folder.Path);

        string[] Companions(WorkerRun run) => [.. run.Messages.Where(message => message.Type == "companion").Select(message => Path.GetRelativePath(_folder.Path, message.Path!))];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Companions(first), Is.EqualTo([$"store/{large.Data.Name}"]));
            Assert.That(Companions(reused), Is.EqualTo(Companions(first)));
            Assert.That(Companions(damaged), Is.Empty, "it was quantized again, into one file");
            Assert.That(_quantizations, Is.EqualTo(1));
            Assert.That(_folder.Files, Has.None.EndsWith(".data"));
        }
    }

    [Test]
    public async Task Result_WithDataThatFailsItsGate_DeploysNeither()
    {
        var large = StoredModel.Of(Models.Large(), "model", largestSingleFile: 1000);
        var engine = _engine with { Quantize = (_, _, _) => new(large.Bytes, Reports.Failed) { Data = large.Data } };

        var run = await WorkerRun.OfAsync(engine, _folder.Path, ("MaxAccuracyDrop", "0.01"));

        Assert.That(run.Messages.Select(message => message.Type), Has.None.EqualTo("companion"));
    }

    /// <summary>The request, and the end as soon as the work has started.</summary>
    private sealed class LineThenEnd(string line, ManualResetEventSlim started) : TextReader
    {
        public override ValueTask<string?> ReadLineAsync(CancellationToken cancellationToken) => ValueTask.FromResult<string?>(line);

        public override Task<string> ReadToEndAsync(CancellationToken cancellationToken) => Task.Run(
            () =>
            {
                started.Wait(cancellationToken);
                return "";
            },
            cancellationToken);
    }
}
