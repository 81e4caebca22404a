using System.Text.RegularExpressions;

namespace QuantBuild.Data.Formats;

/// <summary>How IDX files are called: <c>train-images-idx3-ubyte</c>, <c>train-images.idx3-ubyte</c>, <c>x.idx</c>.</summary>
internal static partial class IdxNames
{
    public static bool Matches(string name) =>
        name.EndsWith("-ubyte", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".idx", StringComparison.OrdinalIgnoreCase);

    /// <summary>The file with the labels of these images, if it is there.</summary>
    public static string? FindLabels(string path) => Find(path, ImagesName.Replace(Path.GetFileName(path), "$1labels$2idx1"));

    /// <summary>The file with the images of these labels, if it is there.</summary>
    public static string? FindImages(string path)
    {
        var name = Path.GetFileName(path);
        return Find(path, LabelsName.Replace(name, "$1images$2idx3")) ?? Find(path, LabelsName.Replace(name, "$1images$2idx4"));
    }

    private static string? Find(string path, string name)
    {
        var found = Path.Combine(Path.GetDirectoryName(path)!, name);
        return name != Path.GetFileName(path) && File.Exists(found) ? found : null;
    }

    [GeneratedRegex(@"^(.*)images(.*)idx[34](?=-ubyte$)", RegexOptions.IgnoreCase)]
    private static partial Regex ImagesName { get; }

    [GeneratedRegex(@"^(.*)labels(.*)idx1(?=-ubyte$)", RegexOptions.IgnoreCase)]
    private static partial Regex LabelsName { get; }
}
