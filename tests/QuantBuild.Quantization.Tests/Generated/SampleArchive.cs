using System.Collections.Immutable;
using System.IO.Compression;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

internal static class SampleArchive
{
    /// <summary>A .npz with an array for each input.</summary>
    public static void Write(string path, ImmutableDictionary<string, TensorData> inputs)
    {
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, tensor) in inputs)
        {
            using var entry = archive.CreateEntry($"{name}.npy").Open();
            entry.Write(NpyFile.Bytes(tensor));
        }
    }
}
