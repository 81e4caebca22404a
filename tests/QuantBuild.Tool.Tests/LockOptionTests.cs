using QuantBuild.Onnx;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Tool.Tests;

/// <summary>Where <c>quantize</c> and <c>tune</c> write a lock file, and where not.</summary>
internal sealed class LockOptionTests
{
    private static readonly byte[] Content = [.. "{}\n"u8];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public async Task WriteFiles()
    {
        _folder = new TemporaryFolder();
        Directory.CreateDirectory(_folder.File("data"));
        OnnxFile.Write(Models.Relu(), _folder.File("m.onnx"));
        await File.WriteAllBytesAsync(_folder.File("data/1.npy"), Models.Npy(1, 2, 3));
        await File.WriteAllTextAsync(_folder.File("list.csv"), "file\ndata/1.npy\n");
        await File.WriteAllTextAsync(_folder.File("c.qcal"), "a calibration");
    }

    [TearDown]
    public void Delete() => _folder.Dispose();

    [TestCase("m.onnx", "data")]
    [TestCase("c.qcal", "data")]
    [TestCase("list.csv", "list.csv")]
    [TestCase("data/1.npy", "list.csv")]
    [TestCase("data/1.npy", "data")]
    [TestCase("data/1.npy", "data/*.npy")]
    [TestCase("data/1.npy", "data/1.npy")]
    public async Task Lock_OverWhatIsRead_IsQB1002BeforeTheWork(string file, string data)
    {
        string[] calibration = file == "c.qcal" ? ["--calibration", _folder.File(file)] : [];
        var before = await File.ReadAllBytesAsync(_folder.File(file));

        foreach (var verb in new[] { "quantize", "tune" })
        {
            var run = await RunAsync(Beginning, verb, file, ["--calibration-data", _folder.File(data), .. calibration]);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(run.ExitCode, Is.EqualTo(2), verb);
                Assert.That(run.Error, Does.StartWith($"error QB1002: --lock is '{_folder.File(file)}'; expected a file of its own: what is read is never overwritten"));
                Assert.That(await File.ReadAllBytesAsync(_folder.File(file)), Is.EqualTo(before));
            }
        }
    }

    [Test]
    public async Task Lock_OverAFolder_IsQB1007BeforeTheWork([Values("quantize", "tune")] string verb)
    {
        var run = await RunAsync(Beginning, verb, "data");

        Assert.That((run.ExitCode, run.Error), Is.EqualTo((2, $"error QB1007: {_folder.File("data")}: the file cannot be written: it names a folder. Choose another path, or make its folder writable. (https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB1007.md)\n")));
    }

    [Test]
    public async Task Lock_ThatIsThere_IsReplaced([Values("quantize", "tune")] string verb, [Values("", "m.quantbuild.json", "other.json")] string file)
    {
        var path = _folder.File(file.Length == 0 ? "m.quantbuild.json" : file);
        await File.WriteAllTextAsync(path, "an older one");

        var run = await RunAsync(Giving, verb, file, "--calibration-data", _folder.File("data"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero, run.Error);
            Assert.That(await File.ReadAllBytesAsync(path), Is.EqualTo(Content));
        }
    }

    [Test]
    public async Task Lock_ThatCannotBeWrittenAfterAll_LeavesNoModelEither()
    {
        var blocking = Giving with
        {
            Quantize = (request, _, _) =>
            {
                Directory.CreateDirectory(request.LockPath);
                return new(ToolRun.QuantizedModel, Reports.Passed) { Lock = Content };
            },
        };

        var run = await RunAsync(blocking, "quantize", "new.json");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.Error, Does.StartWith("error QB1007"));
            Assert.That(File.Exists(_folder.File("x.onnx")), Is.False);
        }
    }

    /// <summary>With the model, or not at all.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public async Task Lock_OfAResultThatFailsAGate_IsKeptWithTheModel(bool keepsFailed)
    {
        var failing = Giving with { Quantize = (_, _, _) => new(ToolRun.QuantizedModel, Reports.Failed) { Lock = Content } };

        var run = await RunAsync(failing, "quantize", "", keepsFailed ? ["--keep-failed"] : []);

        Assert.That((run.ExitCode, File.Exists(_folder.File("x.onnx")), File.Exists(_folder.File("m.quantbuild.json"))), Is.EqualTo((1, keepsFailed, keepsFailed)));
    }

    /// <summary>They say how far Channels=auto goes.</summary>
    [Test]
    public async Task Tune_LimitsOnAccuracy_ReachTheEngine()
    {
        QuantizationSettings? settings = null;
        var engine = Giving with
        {
            Tune = (request, _, _) =>
            {
                settings = request.Settings;
                return new TuningResult(Content, [], true);
            },
        };

        var run = await RunAsync(engine, "tune", "", "--channels", "auto", "--max-accuracy-drop", "0.01", "--min-agreement", "0.99");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero, run.Error);
            Assert.That((settings!.MaxAccuracyDrop, settings!.MinAgreement), Is.EqualTo((0.01, 0.99)));
        }
    }

    private static Engine Beginning => ToolRun.EngineThrowing(new AssertionException("The work was begun.")) with
    {
        Tune = (_, _, _) => throw new AssertionException("The work was begun."),
    };

    private static Engine Giving => Engine.Default with
    {
        Quantize = (_, _, _) => new(ToolRun.QuantizedModel, Reports.Passed) { Lock = Content },
        Tune = (_, _, _) => new TuningResult(Content, [], true),
    };

    private Task<ToolRun> RunAsync(Engine engine, string verb, string file, params string[] options)
    {
        string[] output = verb == "tune" ? [] : ["--output", _folder.File("x.onnx"), "--update-lock", "true"];
        string[] named = file.Length == 0 ? [] : ["--lock", _folder.File(file)];
        return ToolRun.OfAsync(engine, [verb, _folder.File("m.onnx"), .. output, .. named, .. options]);
    }
}
