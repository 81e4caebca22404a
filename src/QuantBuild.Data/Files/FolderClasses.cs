using System.Globalization;

namespace QuantBuild.Data.Files;

/// <summary>
/// The classes that the sub-folders of a pattern's root stand for: their numbers where all names are integers, else their
/// ordinal ranks. Sub-folders with data count even where the pattern leaves them out, so that a narrower pattern keeps the classes.
/// </summary>
internal sealed class FolderClasses
{
    private readonly string _root;
    private readonly Dictionary<string, int> _classes;

    public FolderClasses(string root, IEnumerable<string> matched, Func<string, bool> isData)
    {
        _root = root;
        var names = matched.Select(SubfolderOf).OfType<string>().ToHashSet(StringComparer.Ordinal);
        foreach (var folder in Directory.EnumerateDirectories(root))
        {
            var name = Path.GetFileName(folder);
            if (name[0] != '.' && !names.Contains(name) && new FilePattern(folder, folder, ["**"]).Expand().Any(isData))
            {
                names.Add(name);
            }
        }

        var ranked = names.Order(StringComparer.Ordinal).ToArray();
        var areIntegers = ranked.All(name => name.TrimStart('-') is { Length: > 0 } digits && digits.All(char.IsAsciiDigit));
        _classes = ranked.Index().ToDictionary(item => item.Item, item => areIntegers ? Number(item.Item) : item.Index, StringComparer.Ordinal);
    }

    /// <summary>Null for a file directly in the root.</summary>
    public int? ClassOf(string path) => SubfolderOf(path) is { } name ? _classes[name] : null;

    private string? SubfolderOf(string path)
    {
        var parts = Path.GetRelativePath(_root, path).Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar);
        return parts.Length > 1 ? parts[0] : null;
    }

    private int Number(string name) => int.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw SampleError.Label(_root.Replace('\\', '/'), $"the sub-folder '{name}' is no number of a class; expected 0 to {int.MaxValue}, or names that are not numbers.");
}
