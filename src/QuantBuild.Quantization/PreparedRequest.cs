using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
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

    /// <summary>By name, inputs that are bytes of images; looked for only where inputs are to be folded.</summary>
    public ImmutableDictionary<string, IntegerMeaning> Bytes { get; init; } = ImmutableDictionary<string, IntegerMeaning>.Empty;

    /// <summary>What the result may be judged by.</summary>
    public required SampleRun Judged { get; init; }

    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static PreparedRequest Open(QuantizationRequest request, StageClock stages, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var form = ModelForm.Of(request.Settings);
        var given = OnnxFile.Read(request.Model);
        // Neither needs the other, and there is much in both that is done on one processor
        var preparing = Task.Run(() => stages.Time("prepare", () => PassPipeline.Default.Run(given)), cancellation);
        var opening = Task.Run(() => RequestData.Open(request, DeployedModels.InputsOf(given, request.Model), progress, cancellation), cancellation);
        // For both, whatever becomes of the first: a process that ends while ONNX Runtime folds constants crashes
        Task.WhenAll(opening, preparing).GetAwaiter().GetResult();
        var (data, prepared) = (opening.Result, preparing.Result);
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
        var job = new PreparedRequest(request, given, model, data, new(profile, form.At(model.Opset)))
        {
            Pruning = pruning,
            Judged = judged,
            Bytes = request.Settings.FoldInput ? ByteInputs.Find(model, data.Calibrating, request.Settings.Preprocessing) : ImmutableDictionary<string, IntegerMeaning>.Empty,
        };
        return request.Settings.Uses(Correction.Equalization) ? stages.Time("equalize", job.Equalize) : job;
    }

    /// <summary>The model as it was before channels were equalized: what lock files know it by.</summary>
    public Model Plain { get; private init; } = Model;

    /// <summary>The layers whose weights are scaled for channels that they make or read.</summary>
    public ImmutableHashSet<string> Equalized { get; private init; } = [];

    /// <summary>The layers whose biases make up for channels that are lowered.</summary>
    public ImmutableHashSet<string> Lowered { get; private init; } = [];

    /// <summary>What made the model of <see cref="Plain"/>; null where nothing did.</summary>
    public ChannelChanges? Changes { get; private init; }

    /// <summary>All that had better be quantized, if the outputs can take it.</summary>
    public Placement Wanted => Placement.OfAll(Model, Context);

    /// <summary>The ranges of all that <paramref name="placement"/> quantizes.</summary>
    /// <param name="placement">Of the model.</param>
    /// <param name="samples">Null for all that calibrate.</param>
    public ImmutableDictionary<string, Observation> Observe(Placement placement, SampleRun? samples = null)
    {
        var statistics = samples is null ? Statistics(placement, StatisticsKinds.None) : Calibrator.Gather(Model, Context.Profile, Watched(placement), Method.Needs, samples);
        return Choose(placement, statistics);
    }

    /// <summary>
    /// What the calibration data say of all that <paramref name="placement"/> quantizes: what the calibration method needs, and <paramref name="besides"/>. Of
    /// tensors whose channels are changed a calibration file knows the ranges, so that all else comes from the samples that it holds; and from the same ones
    /// where there is none, for the same result.
    /// </summary>
    public ImmutableDictionary<string, TensorStatistics> Statistics(Placement placement, StatisticsKinds besides)
    {
        var (watched, kinds) = (Watched(placement), Method.Needs | besides);
        var statistics = Data.Calibration.Statistics(Model, Context.Profile, watched, kinds, Changes);
        string[] changed = kinds == StatisticsKinds.None || Changes is null ? [] : [.. watched.Where(Changes.Concerns)];
        return statistics.SetItems(Calibrator.Gather(Model, Context.Profile, changed, kinds, Data.Correcting).Select(entry =>
            KeyValuePair.Create(entry.Key, statistics[entry.Key].WithCountsOf(entry.Value, kinds))));
    }

    /// <summary>The ranges that follow from statistics; inputs that are bytes have all of them, whatever the samples have.</summary>
    public ImmutableDictionary<string, Observation> Choose(Placement placement, ImmutableDictionary<string, TensorStatistics> statistics)
    {
        var observed = Method.Choose(new(
            Model, Context.Form, placement, statistics, new(Request.Settings.CalibrationPercentile) { Levels = Context.Levels }, new(Data.Measured, Data.Calibrating, Data.Calibration.Count)));
        observed = observed.SetItems(Bytes.Where(entry => observed.ContainsKey(entry.Key)).Select(entry =>
            KeyValuePair.Create(entry.Key, observed[entry.Key] with { Range = observed[entry.Key].Range.Union(entry.Value.Representable) })));

        // A calibration file has the mean squares of tensors as they were before their channels were changed
        return observed.SetItems(observed.Where(entry => Changes?.Concerns(entry.Key) != true).Select(entry =>
            KeyValuePair.Create(entry.Key, entry.Value with { RootMeanSquare = statistics[entry.Key].Squares?.RootMeanSquare })));
    }

    private CalibrationMethod Method => CalibrationMethods.All[Request.Settings.RangeMethod];

    private static ImmutableArray<string> Watched(Placement placement) => [.. QuantizationPlanner.QuantizedValues(placement).Select(value => value.Name)];

    /// <summary>With channels lowered, as <see cref="BiasAbsorption"/> finds it.</summary>
    public PreparedRequest WithAbsorbed(ImmutableDictionary<string, ImmutableArray<float>> shifts) => shifts.IsEmpty ? this : this with
    {
        Model = AbsorbingSite.Apply(Model, shifts),
        Changes = new ChannelChanges(Model) { Shifts = shifts },
        Lowered = [.. AbsorbingSite.Find(Model).Where(site => shifts.ContainsKey(site.Relu.Output.Name)).SelectMany(site => site.Readers.Append(site.Layer)).Select(layer => layer.Output.Name)],
    };

    /// <summary>With channels divided, as <see cref="CrossLayerEqualization"/> finds it.</summary>
    public PreparedRequest WithEqualized(ChannelFactors factors) => this with
    {
        Model = factors.Apply(),
        Changes = (Changes ?? new(Model)) with { Factors = factors },
        Equalized = factors.Changed,
    };

    private PreparedRequest Equalize()
    {
        var absorbed = WithAbsorbed(BiasAbsorption.Find(this));
        return absorbed.WithEqualized(CrossLayerEqualization.Find(absorbed));
    }
}
