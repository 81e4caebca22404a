namespace QuantBuild.Data.Formats;

/// <summary>One sample of a set before it has its place. A manifest's word on a file goes before what the file itself says.</summary>
internal sealed record SampleEntry(SampleFile File, int Index, double? Label)
{
    /// <summary>Where a manifest lists the sample: <c>labels.csv(12)</c>.</summary>
    public string? ListedAt { get; init; }
}
