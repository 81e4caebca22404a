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
/// of them on, or from the predicted mixture where that is float, regions of INT8 operators go back to float, one by one, where that is noticeably faster beyond
/// doubt, and then the ends of those that are left.
/// </summary>
public static class ModelTuner
{
    /// <summary>More regions than this are not tried: the largest come first.</summary>
    private const int MostRegions = 24;

    /// <summary>The largest regions, whose ends are tried.</summary>
    private const int MostShortened = 3;

    /// <summary>How many times as fast a model has to be, for certain, without what is given back to float: files grow by it.</summary>
    private const double Noticeable = 1.01;

    /// <summary>How many layers at an end go back together: one alone may only move the conversions to where they cost more.</summary>
    private static readonly int[] EndLengths = [1, 2, 4, 8];

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

        contest.BeginBehindFloat();
        var regions = contest.Best is { } first ? Regions.Of(first.Planned.Plan.Placement) : [];
        foreach (var region in regions.OrderByDescending(region => region.Length).Take(MostRegions))
        {
            TryWithout(job, contest, region, $"at {ModelLock.NameOf(region[0])}");
        }

        Shorten(job, contest);
        contest.EndAgainstFloat();
        var decided = contest.Best?.Planned.Plan.Placement ?? Placement.Locked(job.Model.Graph, job.Context, ImmutableDictionary<string, UnitForm>.Empty);
        var environment = Machine.Describe(request.Threads);
        var chosenBy = $"measurement on {environment.Cpu} ({string.Join(", ", environment.InstructionSets)}), ONNX Runtime {environment.OnnxRuntime}";
        return new(ModelLock.Of(job, decided, chosenBy).ToBytes(), contest.Trials, StaysFloat: contest.Best is null);
    }

    /// <summary>How many times as fast the model has to be without a region for that to go back: more where it is INT8 for the size of the file, half of which may be a table of embeddings.</summary>
    internal static double LeastSpeedup(Placement placement, ImmutableArray<Node> region) =>
        placement.Units.Where(unit => region.Contains(unit.Node)).All(unit => unit.Form == UnitForm.WeightOnly) ? Placement.AsFast : Noticeable;

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

    /// <summary>A region that begins too early, or ends too late, loses at its ends what it gains elsewhere.</summary>
    private static void Shorten(PreparedRequest job, Contest contest)
    {
        foreach (var (rank, isFirst) in Enumerable.Range(0, MostShortened).SelectMany(rank => new[] { (rank, true), (rank, false) }))
        {
            for (var index = 0; index < EndLengths.Length && contest.Best is { } best; index++)
            {
                var placement = best.Planned.Plan.Placement;
                var regions = Regions.Of(placement).OrderByDescending(region => region.Length).ToArray();
                if (rank < regions.Length && Regions.EndOf(regions[rank], placement, EndLengths[index], isFirst) is { IsEmpty: false } end
                    && TryWithout(job, contest, end, isFirst ? $"up to {ModelLock.NameOf(end[^1])}" : $"from {ModelLock.NameOf(end[0])} on"))
                {
                    index = -1;
                }
            }
        }
    }

    private static bool TryWithout(PreparedRequest job, Contest contest, ImmutableArray<Node> nodes, string where)
    {
        var (placement, observed) = (contest.Best!.Planned.Plan.Placement, contest.Best.Planned.Observed);
        var rest = placement.Without(nodes.ToDictionary(node => node, _ => "measured, it is faster in float"));
        return contest.Try(Settled(job, $"without {nodes.Length} operators {where}", rest, observed), LeastSpeedup(placement, nodes));
    }

    /// <summary>As a build will make it from the lock: a form that the request's own format does not give to an operator is float there.</summary>
    private static Contestant Settled(PreparedRequest job, string name, Placement found, ImmutableDictionary<string, Observation> observed)
    {
        var settled = Placement.Locked(job.Model.Graph, job.Context, found.Units.ToDictionary(unit => ModelLock.NameOf(unit.Node), unit => unit.Form));
        return new(name, new PrecisionSearch(job, observed).Keep(settled));
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
        private Contestant? _first;
        private bool _isBehindFloat;

        public ImmutableArray<TuningTrial> Trials => [.. _trials];

        /// <summary>Null where float is the fastest.</summary>
        public Contestant? Best { get; private set; }

        /// <summary>Where no form is faster than float as a whole, a part of the predicted one may be: what is given back is measured against that.</summary>
        public void BeginBehindFloat()
        {
            if (Best is null && _first is not null)
            {
                (Best, _fastest, _isBehindFloat) = (_first, _first.Planned.Model, true);
            }
        }

        /// <summary>What is left of a form that was slower than float has to be faster; the form itself had its turn.</summary>
        public void EndAgainstFloat()
        {
            if (_isBehindFloat)
            {
                var left = Best!;
                (Best, _fastest) = (null, job.Model);
                if (left != _first)
                {
                    Try(left with { Name = "what is left" });
                }
            }
        }

        /// <summary>True where it is taken: certainly more than <paramref name="least"/> times as fast as the fastest so far.</summary>
        /// <exception cref="QuantBuildException">There is no sample to measure with.</exception>
        public bool Try(Contestant contestant, double least = 1)
        {
            cancellation.ThrowIfCancellationRequested();
            var planned = contestant.Planned;
            if (planned.Plan.Units.IsEmpty)
            {
                return false;
            }

            var sample = job.Data.Calibration.First ?? throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"{job.Request.Model}: there is no sample to measure with; set CalibrationData or EvaluationData.");
            using var models = new ModelForms(job.Model, _fastest, planned.Model, job.Request.Model).Sessions.First()();
            var latency = LatencyMeter.Measure(models, sample);
            var isTaken = latency.PreparedInterval[0] > least;
            _trials.Add(new(contestant.Name, latency.QuantizedMs, latency.Speedup, isTaken));
            progress?.Report(new("Measuring", _trials.Count, _trials.Count));
            _first ??= contestant;
            if (isTaken)
            {
                (Best, _fastest) = (contestant, planned.Model);
            }

            return isTaken;
        }
    }

    private sealed record Contestant(string Name, PlannedModel Planned);
}

/// <summary>The lock file's content, what was measured on the way, and whether float was the fastest.</summary>
public sealed record TuningResult(ReadOnlyMemory<byte> Lock, ImmutableArray<TuningTrial> Trials, bool StaysFloat);

/// <summary>A candidate: milliseconds of one sample on one thread, and how many times as fast as the prepared float model that is.</summary>
public sealed record TuningTrial(string Name, double Milliseconds, double Speedup, bool IsTaken);
