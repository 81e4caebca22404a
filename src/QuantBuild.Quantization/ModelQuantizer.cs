using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization;

/// <summary>The main path, from a float model's file to a quantized model and its report.</summary>
public static class ModelQuantizer
{
    /// <summary>Samples that layers are measured on: their errors average over thousands of positions each.</summary>
    private const int MeasuredSamples = 32;

    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static QuantizationResult Quantize(
        QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var stages = new StageClock();
        var model = OnnxFile.Read(request.Model);
        var data = RequestData.Open(request, DeployedModels.InputsOf(model, request.Model), progress, cancellation);
        var prepared = stages.Time("prepare", () => PassPipeline.Default.Run(model));
        var profile = stages.Time("profile", () => data.Profile(prepared));
        var observed = stages.Time("calibrate", () => Observe(prepared, profile, data.Calibration, request));
        var search = new PrecisionSearch(prepared, profile, observed, data.Calibration.Take(MeasuredSamples));
        var planned = stages.Time("plan", search.Find);
        using var given = DeployedModels.LoadGiven(model, request.Model);
        using var quantized = DeployedModels.LoadResult(planned.Model, request.Model);
        var accuracy = stages.Time("evaluate", () => AccuracyEvaluator.Compare(given, quantized, data.Judged, request.Settings.Metric, data.Source));
        using var floatModel = DeployedModels.LoadResult(prepared, request.Model);
        var latency = stages.Time("measure", () => LatencyMeter.Measure(given, floatModel, quantized, data.First));
        var stored = StoredModel.Of(planned.Model, request.OutputName);
        var report = new ReportBuilder(request, prepared, planned, observed).Build(accuracy, latency, stored.Length) with
        {
            Stages = stages.Stages,
            Diagnostics = [.. data.Warnings(), .. ModelWarnings.Of(request.Model, prepared, planned.Plan, observed)],
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        };
        return new(stored.Bytes, Gates.Judge(report, request.Settings)) { Data = stored.Data };
    }

    private static ImmutableDictionary<string, Observation> Observe(Model prepared, ModelProfile profile, SampleRun samples, QuantizationRequest request)
    {
        var placement = Placement.OfAll(prepared, profile);
        return Calibrator.Observe(
            prepared, [.. QuantizationPlanner.QuantizedValues(placement).Select(value => value.Name)], request.Settings.CalibrationMethod, samples);
    }
}
