namespace QuantBuild.Data.Formats;

/// <summary>A CSV that lists samples: <c>file</c>, relative to the CSV, and optionally <c>label</c>. Other columns are ignored.</summary>
internal static class Manifest
{
    public static IEnumerable<SampleEntry> Read(string path, SampleContext context)
    {
        var name = context.NameOf(path);
        using var reader = new StreamReader(path);
        using var records = CsvRecords.Read(reader).GetEnumerator();
        var header = records.MoveNext() ? records.Current.Fields : [];
        var fileColumn = ColumnNamed(header, "file");
        if (fileColumn < 0)
        {
            throw SampleError.Manifest(
                name, 1, $"the first line is '{string.Join(',', header)}'; expected the header file,label: if the CSV is no manifest, name the data by a pattern such as folder/**/*.png.");
        }

        var labelColumn = ColumnNamed(header, "label");
        while (records.MoveNext())
        {
            var (line, fields) = records.Current;
            if (fields.Count <= Math.Max(fileColumn, labelColumn) || fields[fileColumn].Length == 0)
            {
                throw SampleError.Manifest(name, line, $"the line has {fields.Count} fields and lacks the file or its label; the header is {string.Join(',', header)}.");
            }

            var file = OpenListed(fields[fileColumn], path, line, context);
            var label = labelColumn < 0 ? file.LabelOf(0) : SampleLabel.Parse(fields[labelColumn], $"{name}({line})");
            yield return new SampleEntry(file, 0, label) { ListedAt = $"{name}({line})" };
        }
    }

    private static int ColumnNamed(List<string> header, string name) =>
        header.FindIndex(column => string.Equals(column, name, StringComparison.OrdinalIgnoreCase));

    private static SampleFile OpenListed(string listed, string manifest, int line, SampleContext context)
    {
        var name = context.NameOf(manifest);
        var path = Resolve(listed, manifest);
        if (path is null)
        {
            throw SampleError.Manifest(name, line, $"the file '{listed}' does not exist; paths are relative to the manifest, or to a folder of its name beside it.");
        }

        return SampleFormats.Find(path)?.OpenSingle is { } open
            ? open(path, context)
            : throw SampleError.Manifest(name, line, $"the file '{listed}' is neither an image nor .npy nor .npz, which are what a manifest can list.");
    }

    /// <summary>Data sets that come in parts often list <c>cat/1.png</c> in eval.csv for <c>eval/cat/1.png</c>.</summary>
    private static string? Resolve(string listed, string manifest)
    {
        if (listed.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        string[] folders = [Path.GetDirectoryName(manifest)!, Path.ChangeExtension(manifest, null)];
        string[] spellings = [listed, listed.Replace('\\', '/')];
        return folders.SelectMany(_ => spellings, (folder, spelling) => Path.GetFullPath(spelling, folder)).FirstOrDefault(File.Exists);
    }
}
