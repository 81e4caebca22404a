namespace QuantBuild;

/// <summary>The real models and their data, which lie beside the checkout and are not part of the repository.</summary>
internal static class SharedData
{
    public static string? Root { get; } = Find();

    public static IEnumerable<string> Models() => Root is null
        ? ["(no ../shared/data)"]
        : Directory.EnumerateFiles(Root, "*.onnx", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal);

    /// <summary>The file's path; skips the test, and says so, where the data are absent.</summary>
    public static string Require(string path)
    {
        if (Root is null)
        {
            Assert.Ignore("../shared/data is not beside this checkout.");
        }

        return Path.Combine(Root!, path);
    }

    private static string? Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "QuantBuild.sln")))
        {
            folder = folder.Parent;
        }

        var shared = folder is null ? null : Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data"));
        return Directory.Exists(shared) ? shared : null;
    }
}
