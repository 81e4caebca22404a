using System.Globalization;
using Google.Protobuf;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;
using QuantBuild.Onnx.Storage;

namespace QuantBuild.Onnx;

/// <summary>Tensors whose elements lie in files beside the model.</summary>
public static class ExternalData
{
    /// <summary>Shapes and axes are read when a model is loaded, before any data file.</summary>
    internal const int LargestInline = 1024;

    /// <summary>The files that a model file refers to, as absolute paths in ordinal order; none where it holds everything itself.</summary>
    public static IReadOnlyList<string> FilesOf(string modelPath)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        try
        {
            using var stream = File.OpenRead(modelPath);
            return [.. Tensors(ModelProto.Parser.ParseFrom(stream)).Where(IsExternal)
                .Select(tensor => Path.GetFullPath(Path.Combine(folder, Entry(tensor, "location")))).Distinct().Order(StringComparer.Ordinal)];
        }
        catch (InvalidProtocolBufferException)
        {
            // It is no model, and refers to nothing.
            return [];
        }
    }

    /// <summary>The elements become parts of mapped files; nothing is read yet.</summary>
    internal static void Load(ModelProto model, string modelPath)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        var mappings = new Dictionary<string, FileMapping>();
        foreach (var tensor in Tensors(model).Where(IsExternal))
        {
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(Map(tensor, folder, mappings));
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }
    }

    /// <summary>
    /// The other way: tensors of mapped files refer to these again, by paths from the root of the file system, which is returned; null where
    /// there are none. What is small stays in the message.
    /// </summary>
    internal static string? Refer(GraphProto graph)
    {
        string? root = null;
        foreach (var tensor in Initializers(graph))
        {
            if (FileMemory.RegionOf(tensor.RawData.Memory) is { Length: > LargestInline } region && (root is null || Path.GetPathRoot(region.Path) == root))
            {
                root ??= Path.GetPathRoot(region.Path);
                SetExternal(tensor, Path.GetRelativePath(root!, region.Path).Replace('\\', '/'), region.Offset, region.Length);
            }
        }

        return root;
    }

    internal static void SetExternal(TensorProto tensor, string location, long offset, long length)
    {
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length.ToString(CultureInfo.InvariantCulture) });
    }

    private static bool IsExternal(TensorProto tensor) => tensor.DataLocation == TensorProto.Types.DataLocation.External;

    private static ReadOnlyMemory<byte> Map(TensorProto tensor, string folder, Dictionary<string, FileMapping> mappings)
    {
        var location = Entry(tensor, "location");
        var path = Path.GetFullPath(Path.Combine(folder, location));
        if (Path.IsPathRooted(location) || !path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw Missing(tensor, $"'{location}' does not lie beside the model");
        }

        try
        {
            var size = FileMapping.LengthOf(path);
            var offset = Number(tensor, "offset", 0);
            var length = Number(tensor, "length", size - offset);
            if (offset + length > size)
            {
                throw new IOException($"{offset + length} bytes are needed, and the file has {size}");
            }

            return length > int.MaxValue ? throw TooLarge(tensor) : length == 0 ? default : Mapping(path, mappings).Slice(offset, (int)length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or OverflowException)
        {
            throw Missing(tensor, $"'{location}' cannot be read ({exception.Message})");
        }
    }

    private static FileMapping Mapping(string path, Dictionary<string, FileMapping> mappings)
    {
        if (!mappings.TryGetValue(path, out var mapping))
        {
            mapping = FileMapping.Open(path);
            mappings[path] = mapping;
        }

        return mapping;
    }

    private static QuantBuildException TooLarge(TensorProto tensor) =>
        new(DiagnosticCodes.ModelTooLarge, $"Tensor '{tensor.Name}' is larger than 2 GB. Split the layer, or export the model in half precision.");

    private static QuantBuildException Missing(TensorProto tensor, string problem) =>
        new(DiagnosticCodes.ExternalDataMissing, $"The external data of tensor '{tensor.Name}': {problem}. Put the data file beside the model, as it was exported.");

    private static string Entry(TensorProto tensor, string key) =>
        tensor.ExternalData.LastOrDefault(entry => entry.Key == key)?.Value ?? "";

    private static long Number(TensorProto tensor, string key, long fallback) =>
        long.TryParse(Entry(tensor, key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : fallback;

    /// <summary>Those of nested graphs too.</summary>
    internal static IEnumerable<TensorProto> Initializers(GraphProto graph) =>
        graph.Initializer.Concat(graph.Node.SelectMany(node => node.Attribute)
            .SelectMany(attribute => (attribute.G is null ? [] : Enumerable.Repeat(attribute.G, 1)).Concat(attribute.Graphs)).SelectMany(Initializers));

    private static IEnumerable<TensorProto> Tensors(ModelProto model) =>
        (model.Graph is null ? [] : Tensors(model.Graph)).Concat(model.Functions.SelectMany(function => function.Node.SelectMany(Tensors)));

    private static IEnumerable<TensorProto> Tensors(GraphProto graph) =>
        graph.Initializer.Concat(graph.Node.SelectMany(Tensors));

    private static IEnumerable<TensorProto> Tensors(NodeProto node) =>
        node.Attribute.SelectMany(attribute =>
            (attribute.T is null ? [] : Enumerable.Repeat(attribute.T, 1)).Concat(attribute.Tensors)
                .Concat(attribute.G is null ? [] : Tensors(attribute.G)).Concat(attribute.Graphs.SelectMany(Tensors)));
}
