using System.Reflection;
using System.Text.RegularExpressions;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Tests;

/// <summary>Every code has its page and every page its code.</summary>
internal sealed partial class DiagnosticPageTests
{
    [TestCaseSource(typeof(DiagnosticCodes), nameof(DiagnosticCodes.All))]
    public void Code_HasAPageThatIsHeadedByItsTitle(DiagnosticCode code)
    {
        var lines = File.ReadAllLines(Repository.File($"docs/errors/{code.Id}.md"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(lines[0], Is.EqualTo($"# {code.Id}: {code.Title}"));
            Assert.That(lines, Has.Length.InRange(8, 40));
        }
    }

    [Test]
    public void Pages_All_HaveACode()
    {
        var pages = Directory.EnumerateFiles(Repository.File("docs/errors"), "QB*.md").Select(Path.GetFileNameWithoutExtension);

        Assert.That(pages.Order(), Is.EqualTo(DiagnosticCodes.All.Select(code => code.Id).Order()));
    }

    [Test]
    public void Codes_Declared_AreAllInTheTableOnce()
    {
        var declared = typeof(DiagnosticCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (DiagnosticCode)field.GetValue(null)!).ToArray();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(DiagnosticCodes.All, Is.EquivalentTo(declared));
            Assert.That(declared.Select(code => code.Id), Is.Unique);
        }
    }

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
