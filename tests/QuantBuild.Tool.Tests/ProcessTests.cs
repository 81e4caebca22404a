using System.Diagnostics;
using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Tests;

/// <summary>The tool as scripts meet it: a process, its streams and its exit code.</summary>
internal sealed class ProcessTests
{
    private static string Digits => Repository.File("samples/Digits");

    [Test]
    public void Quantbuild_Mistake_IsOneLineOnStandardErrorAndTwo()
    {
        var (exitCode, output, error) = Run(Environment.CurrentDirectory, "quantize", "--no-such-option");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(exitCode, Is.EqualTo(2));
            Assert.That(output, Is.Empty);
            Assert.That(error.TrimEnd('\r', '\n'), Does.StartWith("error QB1001: ").And.Not.Contain("\n"));
        }
    }

    [Test]
    public void Quantbuild_RelativePaths_StartAtTheCurrentDirectory()
    {
        using var folder = new TemporaryFolder();
        OnnxFile.Write(Models.Relu(), folder.File("m.onnx"));

        var (exitCode, output, error) = Run(folder.Path, "inspect", "m.onnx");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(exitCode, Is.Zero, error);
            Assert.That(output, Does.StartWith("m.onnx: ").And.Contain("1  Relu"));
        }
    }

    [Test]
    public void Quantbuild_QuantizeThenEvaluate_AgreeOnTheScore()
    {
        using var folder = new TemporaryFolder();
        var quantized = folder.File("out/digits.onnx");

        var quantize = Run(Digits, "quantize", "models/digits.onnx", "--output", quantized, "--calibration-data", "data/calibration/**/*.png",
            "--evaluation-data", "data/evaluation", "--max-accuracy-drop", "0.01", "--json");
        var evaluate = Run(Digits, "evaluate", "models/digits.onnx", quantized, "--evaluation-data", "data/evaluation", "--json");

        var (told, found) = (ReportJson.Read(Encoding.UTF8.GetBytes(quantize.Output)), ReportJson.Read(Encoding.UTF8.GetBytes(evaluate.Output)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That((quantize.ExitCode, evaluate.ExitCode), Is.EqualTo((0, 0)), quantize.Error + evaluate.Error);
            Assert.That(found!.Accuracy!.Quantized, Is.EqualTo(told!.Accuracy!.Quantized));
            Assert.That(found.Accuracy.Float, Is.EqualTo(told.Accuracy.Float).And.GreaterThan(0.98));
            Assert.That(new FileInfo(quantized).Length, Is.EqualTo(told.Size.QuantizedBytes).And.LessThan(told.Size.FloatBytes / 3));
        }
    }

    [Test]
    public void Quantbuild_LimitThatNoModelKeeps_IsOneAndWritesNoModel()
    {
        using var folder = new TemporaryFolder();

        var (exitCode, output, error) = Run(Digits, "quantize", "models/digits.onnx", "--output", folder.File("x.onnx"), "--report", folder.File("r.md"),
            "--calibration-data", "data/calibration/1", "--evaluation-data", "data/evaluation", "--max-accuracy-drop", "-1");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(exitCode, Is.EqualTo(1), error);
            Assert.That(folder.Files, Is.EqualTo(new[] { "r.md" }));
            Assert.That(output, Does.Contain("gate failed"));
            Assert.That(error, Does.StartWith("error QB3001: models/digits.onnx: top1 "));
        }
    }

    private static (int ExitCode, string Output, string Error) Run(string directory, params string[] arguments)
    {
        var tool = Path.Combine(TestContext.CurrentContext.TestDirectory, "quantbuild.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [tool, .. arguments])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        })!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
