using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Sensitivity;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>The main path, from a float model's file to a quantized model and its report.</summary>
public static class ModelQuantizer
{
    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static QuantizationResult Quantize(
        QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        var stages = new StageClock();
        var job = PreparedRequest.Open(request, stages, progress, cancellation);
        var (_, model, prepared, data, context) = job;
        var locked = request.Settings.UpdateLock || request.PrunesOnly || ModelLock.FileOf(request) is not { } file ? null : ModelLock.Read(file).Apply(job);
        var decided = request.PrunesOnly ? Placement.Locked(prepared.Graph, context, ImmutableDictionary<string, UnitForm>.Empty, "the model is pruned alone") : locked;
        var wanted = decided ?? job.Wanted;
        var statistics = stages.Time("calibrate", () => job.Statistics(wanted, StatisticsKinds.None));
        ImmutableDictionary<string, Observation> Observe(Placement placement) => job.Choose(placement, statistics);

        var search = new PrecisionSearch(job, stages.Time("ranges", () => Observe(wanted)));
        var whole = stages.Time("plan", () => decided is null ? search.Whole(wanted) : search.Keep(decided));
        var planned = stages.Time("search", () => decided is null ? search.Settle(search.Reduce(whole), Observe) : whole);
        using var judge = new ModelJudge(model, request, data.Source);
        (planned, var accuracy, var saturation, var searched) = stages.Time("evaluate", () => Search(planned, search, Observe, judge, job));
        var pruning = job.Pruning is { } pruned ? PrunedSize.Measure(pruned with { Accuracy = judge.Judge(prepared, job.Judged).Accuracy }, request, planned.Model) : null;
        var latency = stages.Time("measure", () => request.MeasuresLatency ? Measure(new(model, prepared, planned.Model, request.Model), data, request.Settings) : null);
        var audit = stages.Time("audit", () => FusionAudit.Of(prepared, planned.Model, planned.Plan));
        var analysis = stages.Time("analyze", () => request.Settings.Analyze ? ModelAnalysis.Analyze(job) : null);
        var stored = StoredModel.Of(planned.Model, request.OutputName);
        var report = new ReportBuilder(job, planned, search.Structures).Build(accuracy, latency, stored.Length) with
        {
            Audit = audit,
            Analysis = analysis,
            Pruning = pruning,
            Stages = WithMetrics(stages.Stages, accuracy, pruning),
            Saturation = saturation,
            Search = searched,
            Diagnostics = [.. data.Warnings(), .. ModelWarnings.Of(request, prepared, planned.Plan, planned.Observed, audit, pruning), .. ModelWarnings.OfInputs(request, planned), .. ModelWarnings.OfPruning(request, pruning)],
            PeakMemoryBytes = Process.GetCurrentProcess().PeakWorkingSet64,
        };
        return new(stored.Bytes, Gates.Judge(report, request.Settings))
        {
            Data = stored.Data,
            Lock = request.Settings.UpdateLock ? ModelLock.Of(job, planned.Plan.Placement, "prediction and accuracy").ToBytes() : (ReadOnlyMemory<byte>?)null,
        };
    }

    /// <summary>What the model was worth behind the stages that change it: prepared, pruned, and as it is written.</summary>
    private static ImmutableArray<StageReport> WithMetrics(ImmutableArray<StageReport> stages, AccuracyReport? accuracy, PruningReport? pruning) =>
    [
        .. stages.Select(stage => stage with
        {
            Metric = stage.Name switch
            {
                "prepare" => accuracy?.Float,
                "prune" => pruning?.Accuracy?.Quantized,
                "evaluate" => accuracy?.Quantized,
                _ => null,
            },
        }),
    ];

    /// <summary>What a failed gate is worth: another model, judged on the half of the evaluation data on which it was not chosen.</summary>
    private static (PlannedModel Planned, AccuracyReport? Accuracy, ImmutableArray<SaturationReport> Saturation, SearchReport? Search) Search(
        PlannedModel planned, PrecisionSearch precision, Func<Placement, ImmutableDictionary<string, Observation>> observe, ModelJudge judge, PreparedRequest job)
    {
        var (settings, judged) = (job.Request.Settings, job.Judged);
        var (accuracy, saturation) = judge.Judge(planned.Model, judged);
        if (accuracy is null || !GateSearch.IsDue(settings, accuracy, precision))
        {
            return (planned, accuracy, saturation, accuracy is null ? null : GateSearch.Declined(settings, accuracy));
        }

        var (choosing, confirming) = judged.Halves();
        var result = new GateSearch(precision, settings, AccuracyLimits.AllowedDrop(settings, accuracy)!.Value, model => judge.Judge(model, choosing).Accuracy!, choosing.Count).Run();
        if (result.Planned is not { } found)
        {
            return (planned, accuracy, saturation, result.Report);
        }

        found = precision.Settle(found, observe);
        (accuracy, saturation) = judge.Judge(found.Model, confirming);
        return (found, accuracy, saturation, result.Report);
    }

    private static LatencyReport? Measure(ModelForms models, RequestData data, QuantizationSettings settings) =>
        data.Calibration.First is { } sample ? ModelLatency.Measure(models, sample, settings) : null;
}
