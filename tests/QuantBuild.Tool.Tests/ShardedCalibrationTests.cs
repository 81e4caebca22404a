using System.Globalization;
using QuantBuild.Quantization;

namespace QuantBuild.Tool.Tests;

/// <summary>The sample's model, calibrated in shards through the tool itself.</summary>
internal sealed class ShardedCalibrationTests : IDisposable
{
    private static readonly string Model = Repository.File("samples/Digits/models/digits.onnx");
    private static readonly string Data = Repository.File("samples/Digits/data/calibration");
    private static readonly string Evaluation = Repository.File("samples/Digits/data/evaluation");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public async Task Quantize_FromShards_GivesTheBytesOfADirectRun([Values(1, 2, 3, 8)] int count, [Values("Mse")] string method)
    {
        await RunAsync("quantize", Model, "--output", Path("direct.onnx"), "--calibration-data", Data, "--calibration-method", method);
        var parts = await CalibrateAsync(count);
        new Random(count).Shuffle(parts);

        await RunAsync(["merge", .. parts, "--output", Path("all.qcal")]);
        await RunAsync("quantize", Model, "--output", Path("sharded.onnx"), "--calibration", Path("all.qcal"), "--calibration-method", method);

        Assert.That(await File.ReadAllBytesAsync(Path("sharded.onnx")), Is.EqualTo(await File.ReadAllBytesAsync(Path("direct.onnx"))));
    }

    /// <summary>Then nothing is held out: the calibration serves both.</summary>
    [Test]
    public async Task Quantize_WithEvaluationData_GivesTheBytesOfADirectRun()
    {
        await RunAsync("quantize", Model, "--output", Path("direct.onnx"), "--calibration-data", Data, "--evaluation-data", Evaluation, "--calibration-method", "MeanMinMax");
        var parts = await CalibrateAsync(3);

        await RunAsync(["merge", .. parts, "--output", Path("all.qcal")]);
        await RunAsync("quantize", Model, "--output", Path("sharded.onnx"), "--calibration", Path("all.qcal"), "--evaluation-data", Evaluation, "--calibration-method", "MeanMinMax");

        Assert.That(await File.ReadAllBytesAsync(Path("sharded.onnx")), Is.EqualTo(await File.ReadAllBytesAsync(Path("direct.onnx"))));
    }

    [Test]
    public async Task Merge_AnyOrder_GivesTheSameFile()
    {
        var parts = await CalibrateAsync(4);

        await RunAsync(["merge", .. parts, "--output", Path("forwards.qcal")]);
        await RunAsync(["merge", .. parts.Reverse(), "--output", Path("backwards.qcal")]);
        await RunAsync("merge", Path("part*.qcal"), "--output", Path("pattern.qcal"));

        var expected = await File.ReadAllBytesAsync(Path("forwards.qcal"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(await File.ReadAllBytesAsync(Path("backwards.qcal")), Is.EqualTo(expected));
            Assert.That(await File.ReadAllBytesAsync(Path("pattern.qcal")), Is.EqualTo(expected));
        }
    }

    [Test]
    public async Task Merge_WhatDoesNotFit_IsQB2023AndSaysWhich()
    {
        var parts = await CalibrateAsync(3);
        await RunAsync("calibrate", Model, "--output", Path("of2.qcal"), "--calibration-data", Data, "--shard", "1/2");
        await RunAsync("calibrate", Model, "--output", Path("data.qcal"), "--calibration-data", Evaluation, "--shard", "3/3");
        await RunAsync("calibrate", Model, "--output", Path("scale.qcal"), "--calibration-data", Data, "--shard", "3/3", "--scale", "1/128");

        using (Assert.EnterMultipleScope())
        {
            await FailsAsync("QB2023", "2 files: shard 2/3 is missing", "merge", parts[0], parts[2], "--output", Path("x.qcal"));
            await FailsAsync("QB2023", $"{parts[0]}: shard 1/3 is in {parts[0]} too", "merge", parts[0], parts[1], parts[2], parts[0], "--output", Path("x.qcal"));
            await FailsAsync("QB2023", "of2.qcal: the calibration is one of 2 shards, not of 3", "merge", parts[0], Path("of2.qcal"), "--output", Path("x.qcal"));
            await FailsAsync("QB2023", "data.qcal: the calibration is of other data", "merge", parts[0], parts[1], Path("data.qcal"), "--output", Path("x.qcal"));
            await FailsAsync("QB2023", "scale.qcal: the calibration is of other data, or of other settings for images", "merge", parts[0], parts[1], Path("scale.qcal"), "--output", Path("x.qcal"));
            await FailsAsync("QB2023", "2 shards, 1/3, 3/3 are missing", "quantize", Model, "--output", Path("x.onnx"), "--calibration", parts[1]);
            Assert.That(_folder.Files, Does.Not.Contain("x.qcal").And.Not.Contain("x.onnx"));
        }
    }

    [Test]
    public async Task Quantize_CalibrationThatIsNotForIt_IsACodedError()
    {
        var whole = (await CalibrateAsync(1))[0];
        var other = Path("other.onnx");
        Onnx.OnnxFile.Write(Models.Relu(), other);

        using (Assert.EnterMultipleScope())
        {
            await FailsAsync("QB2021", $"{whole}: the calibration is of another model", "quantize", other, "--output", Path("x.onnx"), "--calibration", whole);
            await FailsAsync("QB2022", $"{whole}: the calibration was made from other data", "quantize", Model, "--output", Path("x.onnx"), "--calibration", whole, "--calibration-data", Evaluation);
            await FailsAsync("QB2020", "gone.qcal: the calibration cannot be read", "quantize", Model, "--output", Path("x.onnx"), "--calibration", Path("gone.qcal"));
            await FailsAsync("QB2020", "the file is no calibration", "quantize", Model, "--output", Path("x.onnx"), "--calibration", Model);
        }
    }

    [Test]
    public async Task Quantize_CalibrationWithItsData_IsTaken()
    {
        var whole = (await CalibrateAsync(1))[0];

        await RunAsync("quantize", Model, "--output", Path("both.onnx"), "--calibration", whole, "--calibration-data", Data);
        await RunAsync("quantize", Model, "--output", Path("alone.onnx"), "--calibration", whole);

        Assert.That(await File.ReadAllBytesAsync(Path("both.onnx")), Is.EqualTo(await File.ReadAllBytesAsync(Path("alone.onnx"))));
    }

    [Test]
    public async Task Quantize_DamagedCalibration_IsQB2020()
    {
        var whole = (await CalibrateAsync(1))[0];
        var bytes = await File.ReadAllBytesAsync(whole);

        using (Assert.EnterMultipleScope())
        {
            foreach (var length in new[] { 0, 3, 4, 5, 20, 37, 38, bytes.Length / 2, bytes.Length - 1 })
            {
                await File.WriteAllBytesAsync(Path("damaged.qcal"), bytes[..length]);
                await FailsAsync("QB2020", "damaged.qcal: the ", "merge", Path("damaged.qcal"), "--output", Path("x.qcal"));
            }

            bytes[bytes.Length / 2] ^= 1;
            await File.WriteAllBytesAsync(Path("damaged.qcal"), bytes);
            await FailsAsync("QB2020", "the calibration is damaged or cut short", "merge", Path("damaged.qcal"), "--output", Path("x.qcal"));

            bytes[4] = 9;
            await File.WriteAllBytesAsync(Path("damaged.qcal"), bytes);
            await FailsAsync("QB2020", "the calibration has format 9, and this version of QuantBuild reads format 3", "merge", Path("damaged.qcal"), "--output", Path("x.qcal"));
        }
    }

    /// <summary>So a build makes the model again where the calibration is another.</summary>
    [Test]
    public void Inputs_OfAQuantization_HaveTheCalibration()
    {
        var inputs = QuantizationInputs.Find(new(Model, _folder.Path, new() { Calibration = "all.qcal" }, 1));

        Assert.That(inputs.Calibration, Is.EqualTo(new[] { Path("all.qcal") }));
    }

    [Test]
    public async Task Merge_OverAPart_IsQB1002()
    {
        var parts = await CalibrateAsync(2);

        await FailsAsync("QB1002", "what is read is never overwritten", "merge", parts[0], parts[1], "--output", parts[1]);
    }

    private string Path(string name) => _folder.File(name);

    /// <summary>The numbers of threads differ, as they would between machines.</summary>
    private async Task<string[]> CalibrateAsync(int count)
    {
        var parts = Enumerable.Range(1, count).Select(index => Path($"part{index}.qcal")).ToArray();
        foreach (var (index, part) in parts.Index())
        {
            await RunAsync(
                "calibrate", Model, "--output", part, "--calibration-data", Data, "--shard", $"{index + 1}/{count}",
                "--threads", ((index % 3) + 1).ToString(CultureInfo.InvariantCulture));
        }

        return parts;
    }

    private static async Task RunAsync(params string[] arguments)
    {
        var run = await ToolRun.OfAsync(arguments);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
    }

    private static async Task FailsAsync(string code, string message, params string[] arguments)
    {
        var run = await ToolRun.OfAsync(arguments);
        Assert.That($"{run.ExitCode} {run.Error}", Does.StartWith($"2 error {code}: ").And.Contain(message));
    }
}
