using System.Reflection;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Onnx.Tests;

internal sealed class DiagnosticCodesTests
{
    private static string Pages
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "QuantBuild.sln")))
            {
                folder = folder.Parent;
            }

            return Path.Combine(folder.FullName, "docs", "errors");
        }
    }

    [TestCaseSource(typeof(DiagnosticCodes), nameof(DiagnosticCodes.All))]
    public void Code_Page_IsThereUnderItsTitle(DiagnosticCode code) =>
        Assert.That(File.ReadLines(Path.Combine(Pages, $"{code.Id}.md")).First(), Is.EqualTo($"# {code.Id}: {code.Title}"));

    [Test]
    public void Pages_EachOne_HasACode() =>
        Assert.That(Directory.EnumerateFiles(Pages).Select(Path.GetFileNameWithoutExtension), Is.EquivalentTo(DiagnosticCodes.All.Select(code => code.Id)));

    [Test]
    public void All_EveryField_IsListedOnce() =>
        Assert.That(
            DiagnosticCodes.All,
            Is.EquivalentTo(typeof(DiagnosticCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.GetValue(null))).And.Unique);
}
