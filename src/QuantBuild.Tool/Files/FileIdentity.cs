namespace QuantBuild.Tool.Files;

/// <summary>Whether two paths lead to one file, through links too.</summary>
internal static class FileIdentity
{
    public static bool AreSame(string first, string second) => string.Equals(
        Resolve(first), Resolve(second), OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);

    private static string Resolve(string path)
    {
        var full = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(full);
        if (directory is null)
        {
            return full;
        }

        var here = Path.Combine(Resolve(directory), Path.GetFileName(full));
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
