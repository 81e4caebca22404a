using System.Globalization;
using Google.Protobuf;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>Tensors whose elements lie in files beside the model.</summary>
public static class ExternalData
{
    /// <summary>The files that a model file refers to, as absolute paths in ordinal order; none where it holds everything itself.</summary>
    public static IReadOnlyList<string> FilesOf(string modelPath)
    {
        using var stream = File.OpenRead(modelPath);
        var folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        return [.. Tensors(ModelProto.Parser.ParseFrom(stream)).Where(IsExternal)
            .Select(tensor => Path.GetFullPath(Path.Combine(folder, Entry(tensor, "location")))).Distinct().Order(StringComparer.Ordinal)];
    }

    internal static void Load(ModelProto model, string modelPath)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        foreach (var tensor in Tensors(model).Where(IsExternal))
        {
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(ReadBytes(tensor, folder));
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }
    }

    private static bool IsExternal(TensorProto tensor) => tensor.DataLocation == TensorProto.Types.DataLocation.External;

    private static byte[] ReadBytes(TensorProto tensor, string folder)
    {
        var location = Entry(tensor, "location");
        var path = Path.GetFullPath(Path.Combine(folder, location));
        if (Path.IsPathRooted(location) || !path.StartsWith(folder, StringComparison.Ordinal))
        {
            throw Missing(tensor, $"'{location}' does not lie beside the model");
        }

        try
        {
            using var file = File.OpenRead(path);
            var offset = Number(tensor, "offset", 0);
            var bytes = new byte[Number(tensor, "length", file.Length - offset)];
            file.Position = offset;
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or OverflowException)
        {
            throw Missing(tensor, $"'{location}' cannot be read ({exception.Message})");
        }
    }

    private static QuantBuildException Missing(TensorProto tensor, string problem) =>
        new(DiagnosticCodes.ExternalDataMissing, $"The external data of tensor '{tensor.Name}': {problem}. Put the data file beside the model, as it was exported.");

    private static string Entry(TensorProto tensor, string key) =>
        tensor.ExternalData.LastOrDefault(entry => entry.Key == key)?.Value ?? "";

    private static long Number(TensorProto tensor, string key, long fallback) =>
        long.TryParse(Entry(tensor, key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : fallback;

    private static IEnumerable<TensorProto> Tensors(ModelProto model) =>
        (model.Graph is null ? [] : Tensors(model.Graph)).Concat(model.Functions.SelectMany(function => function.Node.SelectMany(Tensors)));

    private static IEnumerable<TensorProto> Tensors(GraphProto graph) =>
        graph.Initializer.Concat(graph.Node.SelectMany(Tensors));

    private static IEnumerable<TensorProto> Tensors(NodeProto node) =>
        node.Attribute.SelectMany(attribute =>
            (attribute.T is null ? [] : Enumerable.Repeat(attribute.T, 1)).Concat(attribute.Tensors)
                .Concat(attribute.G is null ? [] : Tensors(attribute.G)).Concat(attribute.Graphs.SelectMany(Tensors)));
}
