using QuantBuild.Onnx;
using QuantBuild.Tool.Worker;

namespace QuantBuild.Tool.Tests.Worker;

/// <summary>No item of a project writes its lock file where another one reads or writes.</summary>
internal sealed class ProjectLockTests
{
    private TemporaryFolder _folder = null!;
    private LockingQuantizer _quantizer = null!;

    [SetUp]
    public async Task WriteFiles()
    {
        _folder = new TemporaryFolder();
        _quantizer = new LockingQuantizer();
        Directory.CreateDirectory(_folder.File("data"));
        OnnxFile.Write(Models.Relu(), _folder.File("a.onnx"));
        OnnxFile.Write(Models.Relu(), _folder.File("b.onnx"));
        await File.WriteAllBytesAsync(_folder.File("data/1.npy"), Models.Npy(1, 2, 3));
        await File.WriteAllBytesAsync(_folder.File("2.npy"), Models.Npy(4, 5, 6));
        await File.WriteAllTextAsync(_folder.File("list.csv"), "file\ndata/1.npy\n");
    }

    [TearDown]
    public void Delete() => _folder.Dispose();

    [TestCase("shared.json", "shared.json")]
    [TestCase("shared.json", "data/../shared.json")]
    [TestCase("b.quantbuild.json", "")]
    public async Task OneLockFile_ThatTwoItemsWrite_IsSaidOfBothBeforeTheWork(string first, string second)
    {
        var run = await RunAsync([Item("a.onnx", ("Lock", first), ("UpdateLock", "true")), Item("b.onnx", ("Lock", second), ("UpdateLock", "True"))]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, _quantizer.Calls, File.Exists(_folder.File(first))), Is.EqualTo((2, 0, false)));
            Assert.That(run.Codes, Is.EqualTo(["QB1002", "QB1002"]));
            Assert.That(ErrorsOf(run), Is.EqualTo([
                $"a.onnx: Lock is '{_folder.File(first)}'; expected a file of its own: b.onnx writes its lock file there, too. Give a.onnx another Lock.",
                $"b.onnx: Lock is '{_folder.File(first)}'; expected a file of its own: a.onnx writes its lock file there, too. Give b.onnx another Lock."]));
        }
    }

    [Test]
    public async Task TwoItemsOfOneModel_AreToldApartByTheirLinks()
    {
        var run = await RunAsync([Item("a.onnx", ("UpdateLock", "true")), Item("a.onnx", ("UpdateLock", "true"), ("Link", "small.onnx"))]);

        Assert.That(ErrorsOf(run), Has.Exactly(2).Items.And.Some.StartsWith("a.onnx (Link small.onnx): Lock is ").And.Some.Contains("a.onnx (Link small.onnx) writes"));
    }

    /// <summary>Whether it is followed before it is written, or after, the order of the items would decide.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public async Task LockFile_ThatAnotherItemFollows_IsNotWritten(bool isThere)
    {
        if (isThere)
        {
            await File.WriteAllTextAsync(_folder.File("a.quantbuild.json"), "by tune");
        }

        var run = await RunAsync([Item("a.onnx", ("UpdateLock", "true"))], Item("a.onnx", ("Link", "small.onnx")));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.Codes.Single(), _quantizer.Calls), Is.EqualTo(("QB1002", 0)));
            Assert.That(ErrorsOf(run).Single(), Does.Contain("a.onnx (Link small.onnx) follows the lock file there"));
            Assert.That(File.Exists(_folder.File("a.quantbuild.json")) ? await File.ReadAllTextAsync(_folder.File("a.quantbuild.json")) : "by tune", Is.EqualTo("by tune"));
        }
    }

    [Test]
    public async Task LockFile_ThatItemsOnlyFollow_MayBeShared()
    {
        await File.WriteAllTextAsync(_folder.File("shared.json"), "by tune");

        var run = await RunAsync([Item("a.onnx", ("Lock", "shared.json")), Item("a.onnx", ("Lock", "shared.json"), ("Link", "small.onnx"))]);

        Assert.That((run.ExitCode, _quantizer.Calls), Is.EqualTo((0, 2)));
    }

    [Test]
    public async Task LockFiles_OfTheirOwn_AreWritten()
    {
        await File.WriteAllTextAsync(_folder.File("b.quantbuild.json"), "an older one");

        var run = await RunAsync([Item("a.onnx", ("UpdateLock", "true"), ("CalibrationData", "data")), Item("b.onnx", ("UpdateLock", "true"), ("CalibrationData", "data"))]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.ExitCode, Is.Zero, string.Join('\n', ErrorsOf(run)));
            Assert.That(File.Exists(_folder.File("a.quantbuild.json")) && await File.ReadAllTextAsync(_folder.File("b.quantbuild.json")) == "{}\n", Is.True);
        }
    }

    [TestCase("b.onnx", "CalibrationData", "data")]
    [TestCase("data/1.npy", "CalibrationData", "data")]
    [TestCase("data/1.npy", "EvaluationData", "data/*.npy")]
    [TestCase("data/1.npy", "CalibrationData", "list.csv")]
    [TestCase("list.csv", "CalibrationData", "list.csv")]
    [TestCase("2.npy", "Calibration", "2.npy")]
    public async Task WhatAnotherItemReads_IsNotOverwritten_WhetherThatIsUpToDateOrNot(string file, string setting, string data)
    {
        var before = await File.ReadAllBytesAsync(_folder.File(file));
        var other = Item("b.onnx", (setting, data));

        foreach (var run in new[] { await RunAsync([Item("a.onnx", ("Lock", file), ("UpdateLock", "true")), other]), await RunAsync([Item("a.onnx", ("Lock", file), ("UpdateLock", "true"))], other) })
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(run.ExitCode, Is.EqualTo(2));
                Assert.That(ErrorsOf(run).Single(), Is.EqualTo(
                    $"a.onnx: Lock is '{_folder.File(file)}'; expected a file of its own: b.onnx reads it, and what is read is never overwritten. Give a.onnx another Lock."));
                Assert.That(await File.ReadAllBytesAsync(_folder.File(file)), Is.EqualTo(before));
            }
        }
    }

    /// <summary>The other item has an error of its own; its samples are none the less.</summary>
    [Test]
    public async Task WhatAnItemNames_WhoseModelIsBroken_IsNotOverwritten()
    {
        await File.WriteAllTextAsync(_folder.File("b.onnx"), "no model");

        var run = await RunAsync([Item("a.onnx", ("Lock", "2.npy"), ("UpdateLock", "true")), Item("b.onnx", ("CalibrationData", "2.npy"))]);

        Assert.That((run.Codes.First(), await File.ReadAllBytesAsync(_folder.File("2.npy"))), Is.EqualTo(("QB1002", Models.Npy(4, 5, 6))));
    }

    [Test]
    public async Task ItemWithAnInvalidSetting_KeepsNoOtherFromItsLockFile()
    {
        var run = await RunAsync([Item("a.onnx", ("UpdateLock", "true")), Item("b.onnx", ("SearchBudget", "many"))]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(ErrorsOf(run).Single(), Does.StartWith("b.onnx: SearchBudget is 'many'"));
            Assert.That(File.Exists(_folder.File("a.quantbuild.json")), Is.True);
        }
    }

    private static IEnumerable<string> ErrorsOf(WorkerRun run) => run.Messages.Where(message => message.Severity == "error").Select(message => message.Text!);

    private WorkerModel Item(string source, params (string Name, string Value)[] metadata) =>
        WorkerRun.Item(_folder.Path, source, "store" + metadata.FirstOrDefault(pair => pair.Name == "Link").Value, metadata);

    private Task<WorkerRun> RunAsync(WorkerModel[] models, params WorkerModel[] upToDate) => WorkerRun.OfAsync(_quantizer.Engine, _folder.Path, models, upToDate);
}
