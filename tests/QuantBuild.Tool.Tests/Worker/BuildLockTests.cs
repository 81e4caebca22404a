using QuantBuild.Onnx;
using QuantBuild.Quantization;

namespace QuantBuild.Tool.Tests.Worker;

/// <summary>What a build does with lock files.</summary>
internal sealed class BuildLockTests
{
    private static readonly byte[] Content = [.. "{}\n"u8];

    private TemporaryFolder _folder = null!;
    private Engine _engine = null!;
    private int _quantizations;

    [SetUp]
    public async Task WriteFiles()
    {
        _folder = new TemporaryFolder();
        _quantizations = 0;
        _engine = Engine.Default with
        {
            Quantize = (request, _, _) =>
            {
                _quantizations++;
                return new QuantizationResult(new byte[] { 1, 2, 3 }, Reports.Passed with { Model = request.Model }) { Lock = request.Settings.UpdateLock ? Content : null };
            },
        };
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

        var run = await WorkerRun.OfAsync(_engine, _folder.Path, ("Lock", file), ("UpdateLock", "true"), ("CalibrationData", "data"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Codes.Single(), _quantizations), Is.EqualTo((2, code, 0)));
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
        await WorkerRun.OfAsync(_engine, _folder.Path, ("CalibrationData", "data"));

        var run = await WorkerRun.OfAsync(Engine.Default, _folder.Path, ("CalibrationData", "data"), (setting, file));

        using (Assert.EnterMultipleScope())
        {
            Assert.That((run.ExitCode, run.Codes.Single()), Is.EqualTo((2, code)));
            Assert.That(run.Messages.Single(message => message.Code == code).Text, Does.Contain(file));
        }
    }
}
