using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization;

/// <summary>A quantized model beside the float model, both as deployed, on this machine and as other machines of the target would have it.</summary>
internal sealed class ModelJudge(Model given, QuantizationRequest request, AccuracySource source) : IDisposable
{
    private readonly InferenceModel _given = DeployedModels.LoadGiven(given, request.Model);
    private FloatReference? _reference;

    /// <summary>Accuracy is null where there is nothing to compare. All calls go by the metric of the first.</summary>
    public (AccuracyReport? Accuracy, ImmutableArray<SaturationReport> Saturation) Judge(Model quantized, SampleRun samples)
    {
        using var result = DeployedModels.LoadResult(quantized, request.Model);
        using var otherMachine = MachinePrediction.Of(quantized, request.Settings.Target);
        _reference ??= FloatReference.Of(_given, samples, request.Settings);
        var accuracy = _reference is null ? null : AccuracyEvaluator.Compare(new(_reference, result, otherMachine), samples, source);
        return (accuracy, otherMachine?.Units ?? []);
    }

    public void Dispose() => _given.Dispose();
}
