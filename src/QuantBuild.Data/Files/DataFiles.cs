using System.Collections.Immutable;
using QuantBuild.Data.Formats;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Files;

/// <summary>From patterns to data files.</summary>
internal static class DataFiles
{
    /// <summary>Each file once, sorted ordinally: the order of the patterns does not matter.</summary>
    /// <exception cref="QuantBuildException">A pattern matches no data, or a file has a format that is not known.</exception>
    public static ImmutableArray<DataFile> Find(ImmutableArray<string> patterns, SampleContext context)
    {
        if (patterns.IsEmpty)
        {
            throw new QuantBuildException(DiagnosticCodes.NoSamples, "No data is given; name files, a folder, or a pattern such as data/calibration/**/*.png.");
        }

        var found = new SortedDictionary<string, DataFile>(StringComparer.Ordinal);
        foreach (var text in patterns)
        {
            foreach (var file in Expand(FilePattern.Parse(text, context.BaseDirectory), context))
            {
                found[file.Path] = found.TryGetValue(file.Path, out var earlier) ? Merge(earlier, file, context) : file;
            }
        }

        return [.. found.Values];
    }

    private static List<DataFile> Expand(FilePattern pattern, SampleContext context)
    {
        string[] paths;
        try
        {
            paths = [.. pattern.Expand()];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuantBuildException(DiagnosticCodes.NoSamples, SampleError.OneLine($"The data '{pattern.Text}' cannot be listed: {exception.Message}"), exception);
        }

        var files = paths.Where(path => IsData(pattern, path, context)).Select(path => new DataFile(path, SampleFormats.Find(path)!, null)).ToList();
        if (files.Count == 0)
        {
            throw new QuantBuildException(DiagnosticCodes.NoSamples, $"The data '{pattern.Text}' matches no sample: {WhyNot(pattern, paths, context)}.");
        }

        return pattern.IsFile ? files : WithClasses(pattern, files);
    }

    private static bool IsData(FilePattern pattern, string path, SampleContext context)
    {
        if (SampleFormats.Find(path) is not null)
        {
            return true;
        }

        if (!pattern.IsFile && IgnoredFiles.Contains(path))
        {
            return false;
        }

        var wayOut = pattern.IsFile || pattern.NamesFiles ? "" : "; if it is no data, move it away or name the data by a narrower pattern such as folder/**/*.png";
        throw new QuantBuildException(
            DiagnosticCodes.UnknownDataFormat,
            $"{context.NameOf(path)}: the format '{Path.GetExtension(path)}' is not known{wayOut}. Known are: {SampleFormats.Known}.");
    }

    private static string WhyNot(FilePattern pattern, string[] paths, SampleContext context) => (pattern.IsFile, paths.Length) switch
    {
        (true, _) => $"there is no file or folder {context.NameOf(pattern.Root)} (relative paths start at {context.BaseDirectory})",
        (_, 0) when !Directory.Exists(pattern.Root) => $"the folder {context.NameOf(pattern.Root)} does not exist (relative paths start at {context.BaseDirectory})",
        (_, 0) => $"nothing in {context.NameOf(pattern.Root)} fits it; '**' stands for folders of any depth, '*' and '?' do not cross them",
        _ => $"it finds {context.NameOf(paths[0])}{(paths.Length > 1 ? $" and {paths.Length - 1} more" : "")}, which are no data. Known are: {SampleFormats.Known}",
    };

    private static List<DataFile> WithClasses(FilePattern pattern, List<DataFile> files)
    {
        if (!files.Exists(file => file.Format.TakesFolderClass))
        {
            return files;
        }

        var classes = new FolderClasses(
            pattern.Root, files.Where(file => file.Format.TakesFolderClass).Select(file => file.Path),
            path => SampleFormats.Find(path) is { TakesFolderClass: true });
        return files.ConvertAll(file => file.Format.TakesFolderClass ? file with { Class = classes.ClassOf(file.Path) } : file);
    }

    private static DataFile Merge(DataFile first, DataFile second, SampleContext context) =>
        first.Class is { } one && second.Class is { } other && one != other
            ? throw SampleError.Label(context.NameOf(first.Path), $"two patterns put the file into the classes {one} and {other}; name it by one of them.")
            : first with { Class = first.Class ?? second.Class };
}
