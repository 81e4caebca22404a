using QuantBuild.Quantization;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Sensitivity;

namespace QuantBuild.Tool;

/// <summary>What the verbs do their work with; tests put results of their own here.</summary>
internal sealed record Engine(
    Func<QuantizationRequest, IProgress<QuantizationProgress>?, CancellationToken, QuantizationResult> Quantize,
    Func<ComparisonRequest, IProgress<QuantizationProgress>?, CancellationToken, QuantizationReport> Compare)
{
    public Func<CalibrationRequest, IProgress<QuantizationProgress>?, CancellationToken, CalibrationResult> Calibrate { get; init; } = ModelCalibration.Calibrate;

    public Func<IReadOnlyList<string>, CalibrationResult> Merge { get; init; } = ModelCalibration.Merge;

    /// <summary>The latency of a stored result, measured anew.</summary>
    public Func<QuantizationRequest, string, CancellationToken, LatencyReport?> Measure { get; init; } = ModelLatency.Measure;

    public Func<QuantizationRequest, IProgress<QuantizationProgress>?, CancellationToken, TuningResult> Tune { get; init; } = ModelTuner.Tune;

    public Func<QuantizationRequest, IProgress<QuantizationProgress>?, CancellationToken, AnalysisReport> Analyze { get; init; } = ModelAnalysis.Analyze;

    public static Engine Default { get; } = new(ModelQuantizer.Quantize, ModelComparison.Compare);
}
