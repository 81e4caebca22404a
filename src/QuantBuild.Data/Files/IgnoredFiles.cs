using System.Collections.Frozen;

namespace QuantBuild.Data.Files;

/// <summary>What lies about in folders of data and clearly is none: licences, notes, annotations, programs, the model itself.</summary>
internal static class IgnoredFiles
{
    private static readonly FrozenSet<string> Extensions = new[]
    {
        "", ".txt", ".md", ".rst", ".htm", ".html", ".pdf", ".json", ".xml", ".yml", ".yaml", ".toml", ".ini", ".cfg", ".log", ".db",
        ".py", ".ipynb", ".sh", ".ps1", ".license", ".names", ".lock", ".onnx", ".sha256", ".md5",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool Contains(string path) => Extensions.Contains(Path.GetExtension(path));
}
