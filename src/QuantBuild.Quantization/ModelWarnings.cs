using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization;

/// <summary>What a user should know of a model that was quantized without an error.</summary>
internal static class ModelWarnings
{
    public static IEnumerable<Diagnostic> Of(
        string path, Model prepared, QuantizationPlan plan, ImmutableDictionary<string, Observation> observed)
    {
        if (prepared.Opset < RaiseOpset.Sufficient && RaiseOpset.Obstacle(prepared, RaiseOpset.Sufficient) is { } obstacle)
        {
            yield return new(
                DiagnosticCodes.OpsetNotRaised, $"{path}: opset {prepared.Opset} cannot be raised to {RaiseOpset.Sufficient} because of {obstacle}. Export the model with opset 13 or newer.");
        }

        var infinite = observed.Where(entry => entry.Value.NotFinite > 0).Select(entry => entry.Key).Order(StringComparer.Ordinal).ToArray();
        if (infinite.Length > 0)
        {
            yield return new(
                DiagnosticCodes.NotFinite, $"{path}: {infinite.Length} tensors held NaN or infinite values during calibration, the first '{infinite[0]}'; they were left out of the ranges. Look at the model and its preprocessing.");
        }

        if (plan.Units.IsEmpty)
        {
            yield return new(
                DiagnosticCodes.NothingQuantized, $"{path}: nothing in the model is worth quantizing, or can be without losing too much; the prepared float model is what is written. The report has the reason for each operator.");
        }
    }
}
