using System.Collections.Immutable;
using System.IO.Enumeration;

namespace QuantBuild.Data.Files;

/// <summary>
/// A pattern of the user's: its fixed root and what varies below. Names are matched without regard to case, so that a build
/// finds the same files on every system.
/// </summary>
internal sealed record FilePattern(string Text, string Root, ImmutableArray<string> Segments)
{
    private const string AnyDepth = "**";

    /// <summary>One file, named as it is: the root is the file.</summary>
    public bool IsFile => Segments.IsEmpty;

    /// <summary>Whether the pattern says what the files it means are called, as <c>*.png</c> does and <c>*</c> does not.</summary>
    public bool NamesFiles => !IsFile && Segments[^1] is not AnyDepth && Segments[^1].Any(letter => letter is not ('*' or '?' or '.'));

    public static FilePattern Parse(string text, string baseDirectory)
    {
        var literal = Path.GetFullPath(text.Replace('\0', '?'), baseDirectory);
        if (File.Exists(literal))
        {
            return new FilePattern(text, literal, []);
        }

        var parts = text.Replace('\\', '/').Split('/');
        var varying = Array.FindIndex(parts, part => part.AsSpan().ContainsAny('*', '?'));
        var fixedPart = varying < 0 ? text.Replace('\\', '/') : string.Concat(parts[..varying].Select(part => part + "/"));
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(fixedPart, baseDirectory));
        if (varying >= 0)
        {
            return new FilePattern(text, root, [.. parts[varying..].Where(part => part.Length > 0)]);
        }

        return new FilePattern(text, root, Directory.Exists(root) ? [AnyDepth] : []);
    }

    /// <summary>The files, each once. Hidden files and folders are found only where the pattern spells their dot.</summary>
    public IEnumerable<string> Expand()
    {
        if (IsFile)
        {
            return File.Exists(Root) ? [Root] : [];
        }

        return Directory.Exists(Root) ? Expand(new DirectoryInfo(Root), 0).Distinct(StringComparer.Ordinal) : [];
    }

    private static bool Matches(string segment, string name) =>
        (name[0] != '.' || segment[0] == '.') && FileSystemName.MatchesSimpleExpression(segment, name);

    /// <summary>A link to a folder that it lies in has no end.</summary>
    private static bool IsLoop(DirectoryInfo folder) =>
        folder.LinkTarget is not null && folder.ResolveLinkTarget(returnFinalTarget: true) is { } target
        && (folder.FullName + "/").StartsWith(target.FullName + "/", StringComparison.Ordinal);

    private IEnumerable<string> Expand(DirectoryInfo folder, int position)
    {
        var segment = Segments[position];
        if (segment == AnyDepth)
        {
            return ExpandAnyDepth(folder, position);
        }

        return position == Segments.Length - 1
            ? folder.EnumerateFiles().Where(file => Matches(segment, file.Name)).Select(file => file.FullName)
            : folder.EnumerateDirectories().Where(child => Matches(segment, child.Name)).SelectMany(child => Expand(child, position + 1));
    }

    /// <summary>The folder itself and all below it, each for the rest of the pattern, or for all files where nothing is left.</summary>
    private IEnumerable<string> ExpandAnyDepth(DirectoryInfo folder, int position)
    {
        var here = position == Segments.Length - 1
            ? folder.EnumerateFiles().Where(file => Matches("*", file.Name)).Select(file => file.FullName)
            : Expand(folder, position + 1);
        return here.Concat(folder.EnumerateDirectories()
            .Where(child => Matches("*", child.Name) && !IsLoop(child))
            .SelectMany(child => ExpandAnyDepth(child, position)));
    }
}
