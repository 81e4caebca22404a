using System.Reflection;
using System.Text.RegularExpressions;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Tests;

/// <summary>What the pages of the codes promise; that there is one for each is tested beside the table.</summary>
internal sealed partial class DiagnosticPageTests
{
    [TestCaseSource(typeof(DiagnosticCodes), nameof(DiagnosticCodes.All))]
    public void Code_Page_SaysMoreThanItsTitleAndNotTooMuch(DiagnosticCode code) =>
        Assert.That(File.ReadAllLines(Repository.File($"docs/errors/{code.Id}.md")), Has.Length.InRange(8, 40));

    /// <summary>A code that nothing reports would be a promise on its page that is not kept.</summary>
    [Test]
    public void Codes_Declared_AreReportedSomewhere()
    {
        var sources = string.Concat(Directory.EnumerateFiles(Repository.File("src"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Repository.File("build"), "*.targets", SearchOption.AllDirectories))
            .Where(file => Path.GetFileName(file) != "DiagnosticCodes.cs" && !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText));

        var unreported = typeof(DiagnosticCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => !Regex.IsMatch(sources, $@"\b(DiagnosticCodes\.{field.Name}|{((DiagnosticCode)field.GetValue(null)!).Id})\b"))
            .Select(field => field.Name);

        Assert.That(unreported, Is.Empty);
    }

    [Test]
    public void Pages_LinksBetweenThem_LeadSomewhere()
    {
        foreach (var page in Directory.EnumerateFiles(Repository.File("docs"), "*.md", SearchOption.AllDirectories).Append(Repository.File("README.md")))
        {
            var dead = LocalLink().Matches(File.ReadAllText(page)).Select(match => match.Groups[1].Value)
                .Where(link => !Path.Exists(Path.Combine(Path.GetDirectoryName(page)!, link)));

            Assert.That(dead, Is.Empty, page);
        }
    }

    [GeneratedRegex(@"\]\(((?!https?:|#)[^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex LocalLink();
}
