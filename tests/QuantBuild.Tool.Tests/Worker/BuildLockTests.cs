using QuantBuild.Onnx;

namespace QuantBuild.Tool.Tests.Worker;

/// <summary>What a build does with lock files.</summary>
internal sealed class BuildLockTests
{
    private TemporaryFolder _folder = null!;
    private LockingQuantizer _quantizer = null!;

    [SetUp]
    public async Task WriteFiles()
    {
        _folder = new TemporaryFolder();
        _quantizer = new LockingQuantizer();
        Directory.CreateDirectory(_folder.File("data"));
        OnnxFile.Write(Models.Relu(), _folder.File("model.onnx"));
        await File.WriteAllBytesAsync(_folder.File("data/1.npy"), Models.Npy(1, 2, 3));
    }

    [TearDown]
    public void Delete() => _folder.Dispose();

    [TestCase("model.onnx", "QB1002")]
    [TestCase("data/1.npy", "QB1002")]
    [TestCase("data", "QB1007")]
    public async Task UpdateLock_OverWhatIsReadOrAFolder_IsSaidBeforeTheWork(string file, string code)
    {
        var before = File.Exists(_folder.File(file)) ? await File.ReadAllBytesAsync(_folder.File(file)) : [];

        var run = await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("Lock", file), ("UpdateLock", "true"), ("CalibrationData", "data"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Codes.Single(), _quantizer.Calls), Is.EqualTo((2, code, 0)));
            Assert.That(File.Exists(_folder.File(file)) ? await File.ReadAllBytesAsync(_folder.File(file)) : [], Is.EqualTo(before));
        }
    }

    /// <summary>The folder stands for what cannot be read.</summary>
    [TestCase("Lock", "missing.json", "QB2024")]
    [TestCase("Lock", "nowhere/missing.json", "QB2024")]
    [TestCase("Lock", "data", "QB2024")]
    [TestCase("Calibration", "missing.qcal", "QB2020")]
    public async Task FileThatCannotBeRead_IsACodedErrorThatNamesIt(string setting, string file, string code)
    {
        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("CalibrationData", "data"));

        var run = await WorkerRun.OfAsync(Engine.Default, _folder.Path, ("CalibrationData", "data"), (setting, file));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Codes.Single()), Is.EqualTo((2, code)));
            Assert.That(run.Messages.Single(message => message.Code == code).Text, Does.Contain(file));
        }
    }

    /// <summary>Of a result that was stored before it came, too.</summary>
    [TestCase("model.quantbuild.json", "")]
    [TestCase("data", "data")]
    public async Task FolderInPlaceOfTheLockFile_IsNotPassedOver(string folder, string @lock)
    {
        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("CalibrationData", "data"));
        Directory.CreateDirectory(_folder.File(folder));

        var run = await WorkerRun.OfAsync(Engine.Default, _folder.Path, ("CalibrationData", "data"), ("Lock", @lock));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Codes.Single()), Is.EqualTo((2, "QB2024")));
            Assert.That(
                run.Messages.Single(message => message.Code == "QB2024").Text,
                Is.EqualTo($"{_folder.File(folder)}: the lock file cannot be read: it is a folder. Rename or delete it, or set Lock to a file."));
        }
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase("edited by hand")]
    [TestCase("{}\n")]
    public async Task UpdateLock_OfAReusedResult_WritesWhatItsDecisionIs(string? left)
    {
        var path = _folder.File("model.quantbuild.json");
        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("UpdateLock", "true"));
        File.Delete(path);
        if (left is not null)
        {
            await File.WriteAllTextAsync(path, left);
        }

        var run = await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("UpdateLock", "true"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, _quantizer.Calls), Is.EqualTo((0, 1)));
            Assert.That(run.Result.Text, Does.EndWith("(content unchanged, reused)"));
            Assert.That(await File.ReadAllBytesAsync(path), Is.EqualTo(LockingQuantizer.Lock));
        }
    }

    [TestCase(null)]
    [TestCase("of another result")]
    public async Task UpdateLock_DecisionInTheStoreDamaged_IsDecidedAnew(string? left)
    {
        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("UpdateLock", "true"));
        File.Delete(_folder.File("store/decision.json"));
        if (left is not null)
        {
            await File.WriteAllTextAsync(_folder.File("store/decision.json"), left);
        }

        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("UpdateLock", "true"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(_quantizer.Calls, Is.EqualTo(2));
            Assert.That(await File.ReadAllBytesAsync(_folder.File("model.quantbuild.json")), Is.EqualTo(LockingQuantizer.Lock));
        }
    }

    /// <summary>Builds would follow a decision that the gate did not let through.</summary>
    [Test]
    public async Task UpdateLock_OfAResultThatFailsAGate_WritesNone()
    {
        var run = await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, ("UpdateLock", "true"), ("MaxAccuracyDrop", "0.000001"));

        Assert.That((run.ExitCode, _quantizer.Calls, File.Exists(_folder.File("model.quantbuild.json"))), Is.EqualTo((1, 1, false)));
    }

    [Test]
    public async Task Lock_ThatIsThere_IsLeftAloneWithoutUpdateLock()
    {
        var path = _folder.File("model.quantbuild.json");
        await File.WriteAllTextAsync(path, "by tune");

        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path);
        await WorkerRun.OfAsync(_quantizer.Engine, _folder.Path);

        Assert.That((await File.ReadAllTextAsync(path), _quantizer.Calls), Is.EqualTo(("by tune", 1)));
    }
}
