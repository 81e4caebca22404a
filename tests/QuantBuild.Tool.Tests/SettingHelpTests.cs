using System.CommandLine;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Tests;

/// <summary>The table of settings, the help and docs/tool.md say the same.</summary>
internal sealed class SettingHelpTests
{
    [TestCaseSource(typeof(SettingDefinitions), nameof(SettingDefinitions.All))]
    public async Task Help_EverySetting_IsAnOptionOfQuantize(SettingDefinition row)
    {
        var run = await ToolRun.OfAsync("quantize", "--help");

        var values = row.Values.IsEmpty ? "" : $" Valid: {string.Join(", ", row.Values)}.";
        Assert.That(run.Output, Does.Contain($"{row.OptionName} <{row.ValueName}>").And.Contain($"{row.Description}{values}\n"));
    }

    [Test]
    public void ToolPage_EveryVerbAndOption_IsDescribed()
    {
        var page = File.ReadAllText(Repository.File("docs/tool.md"));

        foreach (var verb in Verbs())
        {
            var section = Section(page, verb.Name);
            foreach (var option in verb.Options.Where(option => !option.Hidden))
            {
                Assert.That(section, Does.Contain($"`{option.Name}").IgnoreCase, $"{verb.Name} {option.Name}");
            }
        }
    }

    [Test]
    public void ToolPage_EveryOptionThatItNames_IsThere()
    {
        var page = File.ReadAllText(Repository.File("docs/tool.md"));
        var offered = Verbs().SelectMany(verb => verb.Options).Select(option => option.Name).Append("--help").Append("--version").ToHashSet();

        var named = System.Text.RegularExpressions.Regex.Matches(page, @"`(--[a-z][a-z-]*)").Select(match => match.Groups[1].Value);

        Assert.That(named.Where(name => !offered.Contains(name)), Is.Empty);
    }

    [TestCaseSource(typeof(SettingDefinitions), nameof(SettingDefinitions.All))]
    public void ToolPage_EverySetting_ListsItsValues(SettingDefinition row)
    {
        var page = File.ReadAllText(Repository.File("docs/tool.md"));

        var line = page.Split('\n').Single(line => line.StartsWith($"| `{row.OptionName} {row.ValueName}` |", StringComparison.Ordinal));

        Assert.That(row.Values.Where(value => !line.Contains($"`{value}`", StringComparison.Ordinal)), Is.Empty);
    }

    private static string Section(string page, string verb)
    {
        var start = page.IndexOf($"\n## {verb}\n", StringComparison.Ordinal);
        Assert.That(start, Is.GreaterThanOrEqualTo(0), $"docs/tool.md lacks a section '## {verb}'");
        var end = page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? page[start..] : page[start..end];
    }

    private static IEnumerable<Command> Verbs() =>
        new Application(Engine.Default, new ToolConsole(TextWriter.Null, TextWriter.Null)).CreateCommand().Subcommands.Where(verb => !verb.Hidden);
}
