using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Tool.Files;

namespace QuantBuild.Tool.Tests;

internal sealed class StagedFileTests
{
    [Test]
    public void Dispose_NotCommitted_LeavesTheOldFileAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("x"), "old");

        using (StagedFile.Create(folder.File("x"), "new"u8.ToArray()))
        {
            Assert.That(folder.Files.Count(), Is.EqualTo(2));
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(folder.Files, Is.EqualTo(new[] { "x" }));
            Assert.That(File.ReadAllText(folder.File("x")), Is.EqualTo("old"));
        }
    }

    [Test]
    public void Commit_FileThere_ReplacesIt()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("x"), "old");

        using (var staged = StagedFile.Create(folder.File("x"), "new"u8.ToArray()))
        {
            staged.Commit();
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(folder.Files, Is.EqualTo(new[] { "x" }));
            Assert.That(File.ReadAllText(folder.File("x")), Is.EqualTo("new"));
        }
    }

    [Test]
    public void Create_FolderThatDoesNotTakeFiles_IsQB1007()
    {
        var path = OperatingSystem.IsWindows() ? @"C:\con\x\|\y.onnx" : "/proc/quantbuild/y.onnx";

        Assert.That(
            () => StagedFile.Create(path, "new"u8.ToArray()).Dispose(),
            Throws.TypeOf<QuantBuildException>()
                .With.Message.StartsWith($"{path}: the file cannot be written: ")
                .And.Property(nameof(QuantBuildException.Code)).SameAs(DiagnosticCodes.OutputNotWritable));
    }
}
