using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>The main path, from a float model's file to a quantized model and its report.</summary>
public static class ModelQuantizer
{
    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static QuantizationResult Quantize(
        QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var form = ModelForm.Of(request.Settings);
        var stages = new StageClock();
        var model = OnnxFile.Read(request.Model);
        var data = RequestData.Open(request, DeployedModels.InputsOf(model, request.Model), progress, cancellation);
        var prepared = stages.Time("prepare", () => PassPipeline.Default.Run(model));
        var profile = stages.Time("profile", () => data.Calibration.Profile(prepared));
        prepared = form.Weights.Granularity == WeightGranularity.PerBlock ? PassPipeline.ForBlocks.Run(prepared) : prepared;
        var context = new OperatorContext(profile, form);
        var observed = stages.Time("calibrate", () => Observe(prepared, context, data, request));
        var search = new PrecisionSearch(prepared, context, observed, data.Measured);
        var planned = stages.Time("plan", search.Find);
        using var given = DeployedModels.LoadGiven(model, request.Model);
        using var quantized = DeployedModels.LoadResult(planned.Model, request.Model);
        var accuracy = stages.Time("evaluate", () => AccuracyEvaluator.Compare(given, quantized, data.Judged, request.Settings.Metric, data.Source));
        using var floatModel = DeployedModels.LoadResult(prepared, request.Model);
        var latency = stages.Time("measure", () => request.MeasuresLatency && data.Calibration.First is { } sample ? LatencyMeter.Measure(given, floatModel, quantized, sample) : null);
        var stored = StoredModel.Of(planned.Model, request.OutputName);
        var report = new ReportBuilder(request, prepared, planned, observed).Build(accuracy, latency, stored.Length) with
        {
            Stages = stages.Stages,
            Diagnostics = [.. data.Warnings(), .. ModelWarnings.Of(request.Model, prepared, planned.Plan, observed)],
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        };
        return new(stored.Bytes, Gates.Judge(report, request.Settings)) { Data = stored.Data };
    }

    private static ImmutableDictionary<string, Observation> Observe(Model prepared, OperatorContext context, RequestData data, QuantizationRequest request)
    {
        var placement = Placement.OfAll(prepared, context);
        var method = CalibrationMethods.All[request.Settings.CalibrationMethod];
        var statistics = data.Calibration.Statistics(
            prepared, [.. QuantizationPlanner.QuantizedValues(placement).Select(value => value.Name)], method.Needs);
        return method.Choose(new(
            prepared, context.Form, placement, statistics,
            new(request.Settings.CalibrationPercentile) { Levels = 1 << context.Form.Activations.Type.BitsPerElement() }, new(data.Measured, data.Calibration.Count)));
    }
}
