using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>A request whose model is prepared and whose data are open: all that plans are made from.</summary>
internal sealed record PreparedRequest(QuantizationRequest Request, Model Given, Model Model, RequestData Data, OperatorContext Context)
{
    /// <summary>What was taken out of the model; null where nothing was to be.</summary>
    public PruningReport? Pruning { get; init; }

    /// <summary>What the result may be judged by.</summary>
    public required SampleRun Judged { get; init; }

    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static PreparedRequest Open(QuantizationRequest request, StageClock stages, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var form = ModelForm.Of(request.Settings);
        var given = OnnxFile.Read(request.Model);
        var data = RequestData.Open(request, DeployedModels.InputsOf(given, request.Model), progress, cancellation);
        var prepared = stages.Time("prepare", () => PassPipeline.Default.Run(given));
        var profile = stages.Time("profile", () => data.Calibration.Profile(prepared));
        PruningReport? pruning = null;
        var judged = data.Judged;
        if (request.Settings.Prunes)
        {
            var pruner = new ModelPruning(given, request, data);
            (prepared, pruning) = stages.Time("prune", () => pruner.Run(prepared, profile));
            (profile, judged) = (data.Calibration.Profile(prepared), pruner.Judged);
        }

        var model = form.Weights.Granularity == WeightGranularity.PerBlock ? PassPipeline.ForBlocks.Run(prepared) : prepared;
        return new(request, given, model, data, new(profile, form.At(model.Opset))) { Pruning = pruning, Judged = judged };
    }

    /// <summary>All that had better be quantized, if the outputs can take it.</summary>
    public Placement Wanted => Placement.OfAll(Model, Context);

    /// <summary>The ranges of all that <paramref name="placement"/> quantizes.</summary>
    public ImmutableDictionary<string, Observation> Observe(Placement placement)
    {
        var settings = Request.Settings;
        var method = CalibrationMethods.All[settings.CalibrationMethod];
        var statistics = Data.Calibration.Statistics(
            Model, [.. QuantizationPlanner.QuantizedValues(placement).Select(value => value.Name)], method.Needs);
        return method.Choose(new(
            Model, Context.Form, placement, statistics,
            new(settings.CalibrationPercentile) { Levels = 1 << Context.Form.Activations.Type.BitsPerElement() }, new(Data.Measured, Data.Calibration.Count)));
    }
}
