using QuantBuild.Data.Formats;

namespace QuantBuild.Data.Files;

/// <summary>A file that patterns name, with the class of its folder.</summary>
internal sealed record DataFile(string Path, SampleFormat Format, int? Class);
