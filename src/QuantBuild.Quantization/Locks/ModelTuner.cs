using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Saturation;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Locks;

/// <summary>
/// Chooses by measuring on the machine at hand, among the forms that keep the outputs: the predicted mixture, each single form, float. From the fastest
/// of them on, regions of INT8 operators go back to float, one by one, where that is faster beyond doubt.
/// </summary>
public static class ModelTuner
{
    /// <summary>More regions than this are not tried: the largest come first.</summary>
    private const int MostRegions = 24;

    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public static TuningResult Tune(QuantizationRequest request, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        EnsureTells(request);
        var job = PreparedRequest.Open(request, new StageClock(), progress, cancellation);
        var contest = new Contest(job, progress, cancellation);
        foreach (var (name, form) in Forms(request.Settings))
        {
            var context = new OperatorContext(job.Context.Profile, form);
            var wanted = Placement.OfAll(job.Model, context);
            if (wanted.Units.Any())
            {
                var observed = job.Observe(wanted);
                var found = new PrecisionSearch(job with { Context = context }, observed).Find(wanted).Plan.Placement;
                contest.Try(Settled(job, name, found, observed));
            }
        }

        var regions = contest.Best is { } first ? Regions.Of(first.Planned.Plan.Placement) : [];
        foreach (var region in regions.OrderByDescending(region => region.Length).Take(MostRegions))
        {
            var (_, planned, observed) = contest.Best!;
            var smaller = planned.Plan.Placement.Without(region.ToDictionary(node => node, _ => "measured, it is faster in float"));
            contest.Try(Settled(job, $"without {region.Length} operators at {ModelLock.NameOf(region[0])}", smaller, observed));
        }

        var decided = contest.Best?.Planned.Plan.Placement ?? Placement.Locked(job.Model.Graph, job.Context, ImmutableDictionary<string, UnitForm>.Empty);
        var environment = Machine.Describe(request.Threads);
        var chosenBy = $"measurement on {environment.Cpu} ({string.Join(", ", environment.InstructionSets)}), ONNX Runtime {environment.OnnxRuntime}";
        return new(ModelLock.Of(job, decided, chosenBy).ToBytes(), contest.Trials);
    }

    /// <summary>Which form is fast on machines of another target, times that are measured here do not tell.</summary>
    private static void EnsureTells(QuantizationRequest request)
    {
        var target = request.Settings.Target;
        if (!AuditWarnings.Concern(target) || (target == TargetName.Vnni && Processor.Saturates))
        {
            throw new QuantBuildException(
                DiagnosticCodes.InvalidCombination,
                $"{request.Model}: Target={target} is for other machines than this one, whose times 'tune' decides by. Tune on one that it is for, or have the lock file written by prediction, with UpdateLock=true.");
        }
    }

    /// <summary>As a build will make it from the lock: a form that the request's own format does not give to an operator is float there.</summary>
    private static Contestant Settled(PreparedRequest job, string name, Placement found, ImmutableDictionary<string, Observation> observed)
    {
        var settled = Placement.Locked(job.Model.Graph, job.Context, found.Units.ToDictionary(unit => ModelLock.NameOf(unit.Node), unit => unit.Form));
        return new(name, new PrecisionSearch(job, observed).Keep(settled), observed);
    }

    /// <summary>What is tried: every form for Auto, the one that was chosen otherwise.</summary>
    private static IEnumerable<(string Name, ModelForm Form)> Forms(QuantizationSettings settings)
    {
        yield return ($"Format={settings.Format}", ModelForm.Of(settings));
        foreach (var format in settings.Format == ModelFormat.Auto && ModelForm.Of(settings).HasIntegerKernels ? new[] { ModelFormat.Qdq, ModelFormat.Dynamic, ModelFormat.WeightOnly } : [])
        {
            yield return ($"Format={format}", ModelForm.Of(settings with { Format = format, ActivationType = null }));
        }
    }

    /// <summary>Keeps the fastest so far; to begin with that is the prepared float model.</summary>
    private sealed class Contest(PreparedRequest job, IProgress<QuantizationProgress>? progress, CancellationToken cancellation)
    {
        private readonly List<TuningTrial> _trials = [];
        private Model _fastest = job.Model;

        public ImmutableArray<TuningTrial> Trials => [.. _trials];

        /// <summary>Null where float is the fastest.</summary>
        public Contestant? Best { get; private set; }

        /// <exception cref="QuantBuildException">There is no sample to measure with.</exception>
        public void Try(Contestant contestant)
        {
            cancellation.ThrowIfCancellationRequested();
            var planned = contestant.Planned;
            if (planned.Plan.Units.IsEmpty)
            {
                return;
            }

            var sample = job.Data.Calibration.First ?? throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"{job.Request.Model}: there is no sample to measure with; set CalibrationData or EvaluationData.");
            using var models = new ModelForms(job.Model, _fastest, planned.Model, job.Request.Model).Sessions.First()();
            var latency = LatencyMeter.Measure(models, sample);
            var isTaken = latency.PreparedInterval[0] > 1;
            _trials.Add(new(contestant.Name, latency.QuantizedMs, latency.Speedup, isTaken));
            progress?.Report(new("Measuring", _trials.Count, _trials.Count));
            if (isTaken)
            {
                (Best, _fastest) = (contestant, planned.Model);
            }
        }
    }

    private sealed record Contestant(string Name, PlannedModel Planned, ImmutableDictionary<string, Observation> Observed);
}

/// <summary>The lock file's content, and what was measured on the way.</summary>
public sealed record TuningResult(ReadOnlyMemory<byte> Lock, ImmutableArray<TuningTrial> Trials);

/// <summary>A candidate: milliseconds of one sample on one thread, and how many times as fast as the prepared float model that is.</summary>
public sealed record TuningTrial(string Name, double Milliseconds, double Speedup, bool IsTaken);
