using Microsoft.ML.OnnxRuntime;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests;

/// <summary>What ONNX Runtime makes of a model when an application loads it.</summary>
internal static class OptimizedGraph
{
    public static Graph Of(ReadOnlyMemory<byte> model)
    {
        var path = Path.GetTempFileName();
        try
        {
            using var options = new SessionOptions { OptimizedModelFilePath = path, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            using (new InferenceSession(model.ToArray(), options))
            {
                return OnnxFile.Read(path).Graph;
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Weights that no integer kernel took: they would become float again at every run.</summary>
    public static IEnumerable<string> WeightsDequantizedAtRun(Graph graph) =>
        graph.Nodes.Where(node => node.OpType == "DequantizeLinear" && node.Input(0)!.IsConstant).Select(node => node.Input(0)!.Name);
}
