using Google.Protobuf;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;
using QuantBuild.Onnx.Storage;

namespace QuantBuild.Onnx;

/// <summary>The only door to ONNX files.</summary>
public static class OnnxFile
{
    /// <summary>
    /// Reads a model and the external data that it refers to. The file is never written to.
    /// </summary>
    /// <exception cref="QuantBuildException">The file is missing, is not a model, or its graph is not valid.</exception>
    public static Model Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new QuantBuildException(DiagnosticCodes.ModelNotFound, $"{path}: the model does not exist. Check the path; a file in version control may still have to be fetched (git lfs pull).");
        }

        try
        {
            var proto = Parse(path);
            ExternalData.Load(proto, path);
            return GraphReader.Read(proto);
        }
        catch (QuantBuildException exception) when (!exception.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new QuantBuildException(exception.Code, $"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>The bytes of the model's file and of those that it refers to.</summary>
    public static long LengthOf(string path) => FileMapping.LengthOf(path) + ExternalData.FilesOf(path).Sum(FileMapping.LengthOf);

    /// <exception cref="QuantBuildException">The result would be larger than 2 GB.</exception>
    public static byte[] ToBytes(Model model) => ToBytes(GraphWriter.Write(model));

    internal static byte[] ToBytes(ModelProto proto)
    {
        try
        {
            return proto.ToByteArray();
        }
        catch (Exception exception) when (exception is OverflowException or OutOfMemoryException)
        {
            throw new QuantBuildException(DiagnosticCodes.ModelTooLarge, "The model would be larger than 2 GB, which the format does not allow in one file.", exception);
        }
    }

    /// <summary>
    /// The model's bytes without the elements that lie in files: for them the bytes refer to paths below <c>Folder</c>, which is null where
    /// everything is in the bytes. They are good for as long as the model lives, on this machine.
    /// </summary>
    public static (byte[] Bytes, string? Folder) ToReferringBytes(Model model)
    {
        var proto = GraphWriter.Write(model);
        var folder = ExternalData.Refer(proto.Graph);
        return (ToBytes(proto), folder);
    }

    public static Model FromBytes(ReadOnlySpan<byte> bytes) => GraphReader.Read(ModelProto.Parser.ParseFrom(bytes));

    public static void Write(Model model, string path) => File.WriteAllBytes(path, ToBytes(model));

    private static ModelProto Parse(string path)
    {
        ModelProto proto;
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length >= int.MaxValue)
            {
                throw new QuantBuildException(DiagnosticCodes.ModelTooLarge, $"{path}: the model is larger than 2 GB, which the format does not allow in one file. Export it with external data.");
            }

            proto = ModelProto.Parser.ParseFrom(stream);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw NotAModel(path, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuantBuildException(DiagnosticCodes.ModelNotFound, $"{path}: the model cannot be read: {exception.Message}", exception);
        }

        // Protocol buffers read almost anything; a model has at least a graph and says which operators it uses.
        return proto.Graph is null || proto.OpsetImport.Count == 0 && proto.Graph.Node.Count == 0 ? throw NotAModel(path, null) : proto;
    }

    private static QuantBuildException NotAModel(string path, Exception? cause) =>
        new(DiagnosticCodes.NotAModel, $"{path}: the file is not an ONNX model (or is cut short). Expected a file that an ONNX exporter wrote; if it is a Git LFS pointer, run git lfs pull.", cause);
}
