using System.Collections.Immutable;
using System.CommandLine;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Tool.CommandLine;

/// <summary>The options that rows of <see cref="SettingDefinitions"/> become.</summary>
internal sealed class SettingOptions
{
    private readonly ImmutableArray<(SettingDefinition Row, Option Option)> _options;

    public SettingOptions(IEnumerable<SettingDefinition> rows) => _options = [.. rows.Select(row => (row, Create(row)))];

    public void AddTo(Command command)
    {
        foreach (var (_, option) in _options)
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="Onnx.Diagnostics.QuantBuildException">A value is not valid.</exception>
    public QuantizationSettings Read(ParseResult line) => SettingDefinitions.Parse(_options
        .Where(pair => line.GetResult(pair.Option) is not null)
        .Select(pair => KeyValuePair.Create(pair.Row.Name, ReadText(line, pair.Option))));

    /// <summary>Data may be named by several options, as by one whose patterns are separated by ';'.</summary>
    private static string ReadText(ParseResult line, Option option) => option is Option<string[]> many
        ? string.Join(';', line.GetRequiredValue(many))
        : line.GetRequiredValue((Option<string>)option);

    private static Option Create(SettingDefinition row)
    {
        Option option = row.ValueName == "PATTERN"
            ? new Option<string[]>(row.OptionName) { Arity = ArgumentArity.OneOrMore }
            : new Option<string>(row.OptionName);
        option.HelpName = row.ValueName;
        option.Description = row.Values.IsEmpty ? row.Description : $"{row.Description} Valid: {string.Join(", ", row.Values)}.";
        return option;
    }
}
