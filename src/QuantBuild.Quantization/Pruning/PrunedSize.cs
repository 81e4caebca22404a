using System.IO.Compression;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Pruning;

/// <summary>What zeros are worth: packages are compressed.</summary>
internal static class PrunedSize
{
    public static PruningReport Measure(PruningReport pruning, QuantizationRequest request, Model result) => pruning with
    {
        CompressedFloatBytes = CompressedLength(OnnxFile.Read(request.Model)),
        CompressedBytes = CompressedLength(result),
    };

    /// <summary>Of the weights, wherever they lie; next to them the graph is nothing.</summary>
    private static long CompressedLength(Model model)
    {
        using var file = new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        using (var deflate = new DeflateStream(file, CompressionLevel.Optimal, leaveOpen: true))
        {
            foreach (var value in Bodies.Scopes(model.Graph).SelectMany(graph => graph.Initializers))
            {
                deflate.Write(value.Constant!.Bytes.Span);
            }
        }

        return file.Length;
    }
}
