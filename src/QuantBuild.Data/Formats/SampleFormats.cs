using System.Collections.Immutable;

namespace QuantBuild.Data.Formats;

/// <summary>The table of data formats: messages, help and docs/data.md come from it or are tested against it.</summary>
public static class SampleFormats
{
    internal static ImmutableArray<SampleFormat> All { get; } =
    [
        new()
        {
            Name = "image",
            Description = "PNG, JPEG or BMP; the class is the name of the sub-folder",
            Matches = name => HasExtension(name, ".png", ".jpg", ".jpeg", ".bmp"),
            List = (path, context) => Entries(new ImageSampleFile(path, context)),
            OpenSingle = (path, context) => new ImageSampleFile(path, context),
            TakesFolderClass = true,
        },
        new()
        {
            Name = "npz",
            Description = ".npz: one sample, one array for each input of the model under the input's name, optionally 'label'",
            Matches = name => HasExtension(name, ".npz"),
            List = (path, context) => Entries(new NpzSampleFile(path, context)),
            OpenSingle = (path, context) => new NpzSampleFile(path, context),
        },
        new()
        {
            Name = "npy",
            Description = ".npy: the first axis counts samples, for a model with one input",
            Matches = name => HasExtension(name, ".npy"),
            List = (path, context) => Entries(NpySampleFile.Open(path, context, isSingle: false)),
            OpenSingle = (path, context) => NpySampleFile.Open(path, context, isSingle: true),
        },
        new()
        {
            Name = "manifest",
            Description = ".csv with the columns file and, optionally, label; lists images, .npy and .npz files",
            Matches = name => HasExtension(name, ".csv"),
            List = Manifest.Read,
            IsManifest = true,
        },
        new()
        {
            Name = "IDX",
            Description = "*-images-idx3-ubyte with *-labels-idx1-ubyte beside it, as MNIST comes, unpacked; or .idx",
            Matches = IdxNames.Matches,
            List = IdxSampleFile.List,
        },
        new()
        {
            Name = "ONNX test data",
            Description = "folders of input_0.pb, input_1.pb, … as ONNX's own tests have them",
            Matches = TestDataFile.Matches,
            List = TestDataFile.List,
        },
    ];

    /// <summary>The formats as messages name them.</summary>
    public static string Known => string.Join("; ", All.Select(format => format.Description));

    internal static SampleFormat? Find(string path)
    {
        var name = Path.GetFileName(path);
        return All.FirstOrDefault(format => format.Matches(name));
    }

    internal static IEnumerable<SampleEntry> Entries(SampleFile file) =>
        Enumerable.Range(0, file.Count).Select(index => new SampleEntry(file, index, file.LabelOf(index)));

    private static bool HasExtension(string name, params ReadOnlySpan<string> extensions)
    {
        foreach (var extension in extensions)
        {
            if (name.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
