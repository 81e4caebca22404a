using System.Text.RegularExpressions;

namespace QuantBuild.Tool.Tests;

/// <summary>What no analyzer holds: the size and the names of files, and constructs that the house does without.</summary>
internal sealed class HouseRulesTests
{
    private const int MostLines = 300;

    [Test]
    public void Sources_Files_AreShort() => Assert.That(
        Sources().Where(file => File.ReadLines(file).Count() > MostLines).Select(Relative), Is.Empty);

    [Test]
    public void Sources_FileNames_SayWhatIsInThem() => Assert.That(
        Sources().Where(file => Regex.IsMatch(Path.GetFileName(file), "(Utils?|Utilit(y|ies)|Helpers?|Common|Manager)s?[.]")).Select(Relative), Is.Empty);

    [Test]
    public void Sources_Regions_AreNotThere() => Assert.That(
        Sources().Where(file => Regex.IsMatch(File.ReadAllText(file), @"^\s*#\s*region", RegexOptions.Multiline)).Select(Relative), Is.Empty);

    /// <summary>A partial type is one that a generator completes: a JSON context or a regular expression.</summary>
    [Test]
    public void Sources_PartialTypes_AreGeneratedOnes() => Assert.That(
        Sources().Where(file => Regex.IsMatch(File.ReadAllText(file), @"\bpartial (class|record|struct|interface)\b")
            && !Regex.IsMatch(File.ReadAllText(file), @"\[(GeneratedRegex|JsonSerializable|LibraryImport)\b")).Select(Relative),
        Is.Empty);

    [Test]
    public void Sources_All_AreFound() => Assert.That(Sources().Select(Relative), Does.Contain("src/QuantBuild.Tool/Program.cs"));

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');

    private static IEnumerable<string> Sources() => new[] { "src", "tests", "samples" }
        .Select(Repository.File).Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        .Where(file => !Regex.IsMatch(Relative(file), "/(bin|obj)/"));
}
