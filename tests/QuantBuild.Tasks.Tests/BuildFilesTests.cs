using System.Text.RegularExpressions;
using System.Xml.Linq;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Tasks.Tests;

/// <summary>What build/ and docs/msbuild.md say about settings, held against the table of settings.</summary>
internal sealed class BuildFilesTests
{
    private static readonly string[] OfTheBuild = ["CopyToOutputDirectory", "Pack"];

    private static string Targets => Read("build/QuantBuild.targets");

    [Test]
    public void Props_Definitions_AreTheSettingsWithTheirProperties()
    {
        var definitions = XDocument.Parse(Read("build/QuantBuild.props")).Descendants("QuantizeModel").Single().Elements()
            .Where(element => !OfTheBuild.Contains(element.Name.LocalName))
            .Select(element => $"{element.Name.LocalName} {element.Value}");

        Assert.That(definitions, Is.EqualTo(SettingDefinitions.All.Select(setting => $"{setting.MetadataName} $(QuantBuild{setting.Name})")));
    }

    [Test]
    public void Targets_Key_IsMadeOfWhatChangesTheResult() => Assert.That(
        Metadata("_Settings"), Is.EqualTo(SettingDefinitions.All.Where(setting => setting.ChangesResult).Select(setting => setting.MetadataName)));

    [Test]
    public void Targets_Limits_AreWhatDoesNot() => Assert.That(
        Metadata("_Limits"), Is.EqualTo(SettingDefinitions.All.Where(setting => !setting.ChangesResult).Select(setting => setting.MetadataName)));

    [Test]
    public void Targets_HelpLinks_LeadToThePages() => Assert.That(
        Targets, Does.Contain($"<_QuantBuildHelp>{DiagnosticPage.Of("QB1101").Replace("QB1101.md", "", StringComparison.Ordinal)}</_QuantBuildHelp>"));

    [TestCaseSource(typeof(SettingDefinitions), nameof(SettingDefinitions.All))]
    public void Reference_OfASetting_NamesMetadataPropertyAndValues(SettingDefinition setting)
    {
        var row = Regex.Match(Read("docs/msbuild.md"), $@"^\| `{setting.MetadataName}` \| `QuantBuild{setting.Name}` \|(.*)$", RegexOptions.Multiline);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(row.Success, Is.True);
            foreach (var value in setting.Values)
            {
                Assert.That(row.Value, Does.Contain($"`{value}`"));
            }
        }
    }

    private static IEnumerable<string> Metadata(string name) =>
        Regex.Matches(XDocument.Parse(Targets).Descendants(name).Single().Value, @"%\(QuantizeModel\.(\w+)\)").Select(match => match.Groups[1].Value);

    private static string Read(string path)
    {
        var folder = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(folder, "QuantBuild.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return File.ReadAllText(Path.Combine(folder, path));
    }
}
