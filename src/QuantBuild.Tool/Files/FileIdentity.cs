namespace QuantBuild.Tool.Files;

/// <summary>Whether two paths lead to one file, through links too.</summary>
internal static class FileIdentity
{
    /// <summary>Of what <see cref="Of"/> gives.</summary>
    public static StringComparer Comparer { get; } = OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    public static bool AreSame(string first, string second) => Comparer.Equals(Of(first), Of(second));

    /// <summary>The absolute path behind all links.</summary>
    public static string Of(string path)
    {
        var full = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(full);
        if (directory is null)
        {
            return full;
        }

        var here = Path.Combine(Of(directory), Path.GetFileName(full));
        try
        {
            return new FileInfo(here).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? here;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What does not exist, or cannot be looked at, is what it is called
            return here;
        }
    }
}
