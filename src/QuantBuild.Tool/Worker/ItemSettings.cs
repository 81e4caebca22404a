using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.CommandLine;

namespace QuantBuild.Tool.Worker;

/// <summary>An item's metadata, sorted into settings and what QuantBuild does not know.</summary>
internal sealed class ItemSettings
{
    /// <summary>What build/QuantBuild.targets itself reads.</summary>
    private static readonly ImmutableArray<string> OfTheBuild = ["Link", "CopyToOutputDirectory", "Pack"];

    /// <summary>What editors write into project files.</summary>
    private static readonly ImmutableArray<string> OfEditors = ["Visible", "SubType", "DependentUpon"];

    private readonly string _model;
    private readonly ImmutableArray<string> _unknown;

    public ItemSettings(WorkerModel model)
    {
        _model = model.Source;
        var given = model.Metadata.Where(pair => !string.IsNullOrWhiteSpace(pair.Value))
            .Select(pair => (pair.Key, pair.Value, Setting: Find(pair.Key)))
            .ToArray();
        Values = given.Where(row => row.Setting is not null)
            .ToImmutableSortedDictionary(row => row.Setting!.Name, row => row.Value.Trim(), StringComparer.Ordinal);
        _unknown = [.. model.Metadata.Keys.Where(name => Find(name) is null && !IsKnown(name))];
    }

    /// <summary>The settings that are set, under the names of their definitions.</summary>
    public ImmutableSortedDictionary<string, string> Values { get; }

    /// <summary>A misspelt limit must not silently be none.</summary>
    public IEnumerable<Diagnostic> Warnings => _unknown.Select(name => new Diagnostic(
        DiagnosticCodes.UnknownMetadata,
        $"{_model}: the metadata '{name}' is not known and has no effect{Hint(name)}"));

    /// <exception cref="QuantBuildException">A value is not valid.</exception>
    public QuantizationSettings Parse()
    {
        try
        {
            return SettingDefinitions.Parse(Values);
        }
        catch (QuantBuildException exception)
        {
            throw new QuantBuildException(exception.Code, $"{_model}: {exception.Message}", exception);
        }
    }

    private static SettingDefinition? Find(string metadata) => SettingDefinitions.All.FirstOrDefault(
        setting => string.Equals(setting.MetadataName, metadata, StringComparison.OrdinalIgnoreCase));

    private static bool IsKnown(string name) => OfTheBuild.Concat(OfEditors).Contains(name, StringComparer.OrdinalIgnoreCase);

    private static string Hint(string name)
    {
        ImmutableArray<string> known = [.. SettingDefinitions.All.Select(setting => setting.MetadataName), .. OfTheBuild];
        return NearestWord.Find(name, known) is { } meant ? $"; did you mean '{meant}'?" : $"; known are {string.Join(", ", known)}.";
    }
}
