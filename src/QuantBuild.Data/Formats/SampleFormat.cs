namespace QuantBuild.Data.Formats;

/// <summary>A row of <see cref="SampleFormats"/>.</summary>
internal sealed record SampleFormat
{
    public required string Name { get; init; }

    public required string Description { get; init; }

    /// <summary>Judges a file by its name alone: nothing is opened.</summary>
    public required Func<string, bool> Matches { get; init; }

    /// <summary>The samples of a file, given its path.</summary>
    public required Func<string, SampleContext, IEnumerable<SampleEntry>> List { get; init; }

    /// <summary>The file as a single sample, for manifests; null where a manifest cannot list such files.</summary>
    public Func<string, SampleContext, SampleFile>? OpenSingle { get; init; }

    /// <summary>The class is the name of the sub-folder.</summary>
    public bool TakesFolderClass { get; init; }

    /// <summary>Lists other files; these are then read as it says and not once more on their own.</summary>
    public bool IsManifest { get; init; }
}
