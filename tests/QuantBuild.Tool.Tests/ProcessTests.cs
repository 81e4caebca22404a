using System.Diagnostics;
using QuantBuild.Onnx;

namespace QuantBuild.Tool.Tests;

/// <summary>The tool as scripts meet it: a process, its streams and its exit code.</summary>
internal sealed class ProcessTests
{
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

    private static (int ExitCode, string Output, string Error) Run(string directory, params string[] arguments)
    {
        var tool = Path.Combine(TestContext.CurrentContext.TestDirectory, "quantbuild.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [tool, .. arguments])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
