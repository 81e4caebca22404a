using System.Collections.Immutable;

namespace QuantBuild.Quantization.Settings;

/// <summary>
/// One setting: item metadata <c>MetadataName</c>, property <c>QuantBuildName</c>, option <c>--name</c>.
/// <paramref name="Values"/> lists the valid words, empty where any text of the <paramref name="ValueName"/> kind will do.
/// </summary>
public sealed record SettingDefinition(
    string Name,
    string ValueName,
    string Description,
    ImmutableArray<string> Values,
    Func<QuantizationSettings, string, QuantizationSettings> Apply)
{
    /// <summary>False for a limit: changing it judges the same model anew.</summary>
    public bool ChangesResult { get; init; } = true;

    /// <summary>True where the setting bears on judging two models that are there, too.</summary>
    public bool ConcernsEvaluation { get; init; }

    /// <summary>True where the setting says which samples calibrate, or how they are read.</summary>
    public bool ConcernsCalibration { get; init; }

    /// <summary>True for what pruning a float model goes by.</summary>
    public bool ConcernsPruning { get; init; }

    /// <summary>True for what an analysis goes by.</summary>
    public bool ConcernsAnalysis { get; init; } = true;

    /// <summary>The name, but for one that MSBuild reserves.</summary>
    public string MetadataName { get => field ?? Name; init; }

    /// <summary><c>MaxAccuracyDrop</c> → <c>--max-accuracy-drop</c>.</summary>
    public string OptionName =>
        "-" + string.Concat(Name.Select(letter => char.IsUpper(letter) ? $"-{char.ToLowerInvariant(letter)}" : $"{letter}"));
}
