using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization;

/// <summary>
/// The quantized model's file content, which was loaded and run by ONNX Runtime, and the report on it, whose gates may have
/// failed: what is deployed is for the caller to decide.
/// </summary>
public sealed record QuantizationResult(ReadOnlyMemory<byte> Model, QuantizationReport Report)
{
    /// <summary>The file beside it that a large model's content refers to, else null.</summary>
    public ModelDataFile? Data { get; init; }

    /// <summary>The lock file's content where it is to be written, else null.</summary>
    public ReadOnlyMemory<byte>? Lock { get; init; }

    public bool GatesPassed => Report.Gates.All(gate => gate.Passed);
}
