using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Planning.Structures;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

/// <summary>A plan, the model it gives, and each unit's own error in the forms that were looked at.</summary>
internal sealed record PlannedModel(QuantizationPlan Plan, Model Model, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> Errors)
{
    /// <summary>What calibration saw, and the ranges that were chosen.</summary>
    public required ImmutableDictionary<string, Observation> Observed { get; init; }

    /// <summary>Inputs that were to be folded and stay float, with the reasons.</summary>
    public ImmutableArray<(string Input, string Reason)> FloatInputs { get; init; } = [];
}

/// <summary>
/// Finds what must not be quantized, or not in its fastest form: where the outputs of the model do not keep enough on samples of the calibration data, forms
/// are given up, those that harm the outputs most for the time they save, until enough is kept or nothing is left.
/// </summary>
internal sealed class PrecisionSearch(PreparedRequest job, ImmutableDictionary<string, Observation> observed)
{
    /// <summary>Runs of units on samples that a ranking may take, about: it is the order that matters, and few samples give it.</summary>
    private const int SensitivityRuns = 256;

    private const int MostSensitivitySamples = 4;
    private const int FewestSensitivitySamples = 1;

    private readonly Model _prepared = job.Model;
    private readonly OperatorContext _context = job.Context;
    private readonly SampleRun _samples = job.Data.MeasuredLayers;
    private readonly HalfStorage _storage = new(job.Given, job.Model);
    private readonly PlanCorrections _corrections = new(job);
    private readonly Lazy<LatencyPrediction?> _prediction = new(() =>
        CostTable.Of(job.Context.Form.Target) is { } table ? new(job.Model, job.Context.Costs ?? new(table, job.Context.Profile)) : null);

    private readonly Lazy<IReadOnlyDictionary<Node, RecognizedStructure>> _structures = new(() => KnownStructures.Find(job.Model, job.Context, observed, job.Data.Measured));

    private ImmutableDictionary<(Node Node, UnitForm Form), UnitError> _errors = ImmutableDictionary<(Node, UnitForm), UnitError>.Empty;
    private CandidateLadder? _candidates;
    private PlannedModel? _whole;
    private FormRefusals? _unfit;
    private OutputReference? _reference;
    private OutputLoss? _loss;

    /// <summary>What is known to break as INT8, and where it is in the model.</summary>
    public IReadOnlyDictionary<Node, RecognizedStructure> Structures => _structures.Value;

    /// <summary>How many steps of the ladder <see cref="Reduce"/> took; null where nothing had to be given up.</summary>
    public int? Steps { get; private set; }

    /// <summary>True after <see cref="Reduce"/>, where it found anything to quantize.</summary>
    public bool CanGiveBack => _whole is not null;

    /// <summary>By the table of costs of the target, where there is one, how many times as fast as float a model is; null where that is not known.</summary>
    public double? PredictedSpeedup(PlannedModel planned) => _prediction.Value?.SpeedupOf(planned.Plan.Placement);

    /// <summary>A placement that was decided: measured for corrections and the report, but not searched. Where calibration saw nothing, float remains.</summary>
    public PlannedModel Keep(Placement decided) => Realize(decided.Without(Unobserved(decided)));

    /// <summary>
    /// What was decided as builds will make it that follow its lock file: ranges may be chosen for what the units do that read them, and a unit's error is kept from the
    /// first candidate that has it, so that among the decided units alone both can differ. Where no lock is written, the model as it is.
    /// </summary>
    /// <param name="decided">A model that was found here.</param>
    /// <param name="observe">The ranges of what a placement quantizes.</param>
    public PlannedModel Settle(PlannedModel decided, Func<Placement, ImmutableDictionary<string, Observation>> observe) =>
        job.Request.Settings.UpdateLock ? new PrecisionSearch(job, observe(decided.Plan.Placement)).Keep(decided.Plan.Placement) : decided;

    /// <summary>What <see cref="Reduce"/> finds of <see cref="Whole"/>.</summary>
    public PlannedModel Find(Placement all) => Reduce(Whole(all));

    /// <summary>All that is wanted, but for what the ranges speak against.</summary>
    public PlannedModel Whole(Placement all)
    {
        (var placement, _unfit) = Fit(all);
        return Realize(placement);
    }

    /// <summary>With the least taken from it so that the outputs keep enough; nothing where no effort is to be made for them.</summary>
    /// <param name="whole">What <see cref="Whole"/> made.</param>
    public PlannedModel Reduce(PlannedModel whole)
    {
        if (whole.Plan.Units.IsEmpty || _samples.Count == 0 || job.Request.Settings.AccuracyEffort == AccuracyEffort.Fast)
        {
            return whole;
        }

        (_whole, _reference) = (whole, new OutputReference(_prepared, job.Data.Comparing, _context.Form.IsWide));
        _loss = _reference.Measure(whole.Model);
        if (_loss.IsKept)
        {
            return whole;
        }

        var candidates = Candidates();
        Steps = candidates.Find(candidate => candidate.Plan.Units.IsEmpty || _reference.IsKept(candidate.Model), 0, candidates.Most);
        return candidates.At(Steps.Value);
    }

    /// <summary>The plan for what is wanted, before the outputs are looked at.</summary>
    public QuantizationPlan Wanted(Placement all) => Plan(Fit(all).Placement);

    /// <summary>Without what the ranges speak against.</summary>
    private (Placement Placement, FormRefusals Unfit) Fit(Placement all)
    {
        var unserved = Structures.Where(entry => entry.Value.RefusesStatic).ToImmutableDictionary(entry => entry.Key, entry => entry.Value.Reason);
        var unfit = new FormRefusals(unserved.SetItems(Unobserved(all)).ToImmutableDictionary(entry => (entry.Key, UnitForm.Static), entry => entry.Value)).Within(all);
        return (Placement.Of(_prepared.Graph, _context, unfit), unfit);
    }

    /// <summary>What may be given up instead of what <see cref="Reduce"/> gave up, which has to be called before.</summary>
    public CandidateLadder Candidates() => _candidates ??= Ladder(_whole!, _unfit!, _reference!, _loss!);

    private CandidateLadder Ladder(PlannedModel whole, FormRefusals unfit, OutputReference reference, OutputLoss loss)
    {
        var plans = Alternatives(whole.Plan, unfit);
        foreach (var plan in plans)
        {
            Measure(plan);
        }

        var damage = new OutputDamage(
            _prepared, plans, _errors, reference, loss, Math.Clamp(SensitivityRuns / Math.Max(_errors.Count, 1), FewestSensitivitySamples, MostSensitivitySamples));
        Placement Place(IReadOnlyCollection<(Node Node, UnitForm Form)> givenUp) =>
            Placement.Of(_prepared.Graph, _context, givenUp.Aggregate(unfit, (sum, form) => sum.With(form.Node, form.Form, Reason(damage.DecibelsOf(form)))));
        var bargains = new FormLadder(plans[0].Units, plans.Skip(1).SelectMany(plan => plan.Units), damage.HarmOf, _context.Costs);
        var cut = _context.Costs is { } costs ? Cut(plans, unfit, damage, costs) : null;
        return new(
            bargains.Harm,
            harm => cut is null ? bargains.GivenUp(harm) : cut.GivenUp(harm).Append(bargains.GivenUp(harm)).MinBy(givenUp => _prediction.Value!.TimeOf(Place(givenUp)))!,
            givenUp => givenUp.Count == 0 ? whole : Realize(Place(givenUp)));
    }

    private HarmCut Cut(IEnumerable<QuantizationPlan> plans, FormRefusals unfit, OutputDamage damage, OperatorCosts costs)
    {
        var units = plans.SelectMany(plan => plan.Units).ToArray();
        var known = units.Select(unit => (unit.Node, unit.Form)).ToHashSet();
        return new(units, damage.HarmOf, costs, price => Placement.Of(
            _prepared.Graph, _context with { Costs = costs.With((node, form) => known.Contains((node, form)) ? price * damage.HarmOf((node, form)) : null) }, unfit));
    }

    private static string Reason(double decibels) => double.IsFinite(decibels)
        ? string.Create(CultureInfo.InvariantCulture, $"quantized alone it leaves {decibels:f1} dB at the model's outputs, and all together too little")
        : decibels < 0 ? "quantized alone it leaves nothing of the model's outputs"
        : "nothing around it is left in INT8";

    private QuantizationPlan Plan(Placement placement) => _corrections.Correct(QuantizationPlanner.Plan(placement, _context.Form, observed));

    private PlannedModel Realize(Placement placement)
    {
        var plan = Plan(placement);
        Measure(plan);
        plan = _corrections.Reconstruct(plan with { BiasCorrections = _corrections.Biases(placement, _errors) });
        var model = ModelRewriter.Rewrite(_prepared, plan);
        var floatInputs = job.Request.Settings.FoldInput ? InputFolding.Apply(model, job.Bytes) : [];
        _storage.Apply(model);
        return new(plan, model, _errors) { Observed = observed, FloatInputs = floatInputs };
    }

    /// <summary>The errors of units that are not known yet.</summary>
    private void Measure(QuantizationPlan plan)
    {
        var unknown = plan with { Units = plan.Units.RemoveAll(unit => _errors.ContainsKey((unit.Node, unit.Form))) };
        if (_samples.Count > 0 && !unknown.Units.IsEmpty)
        {
            _errors = _errors.SetItems(UnitErrorMeter.Measure(_prepared, unknown, _samples).Select(entry => KeyValuePair.Create((entry.Key.Node, entry.Key.Form), entry.Value)));
        }
    }

    /// <summary>The plan itself, and what would take the place of its units one after the other.</summary>
    private List<QuantizationPlan> Alternatives(QuantizationPlan wanted, FormRefusals refused)
    {
        var (plans, known) = (new List<QuantizationPlan> { wanted }, wanted.Units.Select(unit => (unit.Node, unit.Form)).ToHashSet());
        for (var newest = wanted; _context.Costs is not null;)
        {
            var replaceable = newest.Units.Where(unit => unit.Rule.MayReturnFloat).ToArray();
            if (replaceable.Length == 0)
            {
                break;
            }

            refused = replaceable.Aggregate(refused, (sum, unit) => sum.With(unit.Node, unit.Form, "another form is looked at"));
            var plan = Plan(Placement.Of(_prepared.Graph, _context, refused));
            newest = plan with { Units = plan.Units.RemoveAll(unit => !known.Add((unit.Node, unit.Form))) };
            plans.Add(newest);
        }

        return plans;
    }

    /// <summary>Units of whose activations nothing is known: the samples that calibrate never came to them, or gave them nothing finite.</summary>
    private ImmutableDictionary<Node, string> Unobserved(Placement all)
    {
        var unknown = QuantizationPlanner.QuantizedValues(all).Where(value => observed[value.Name].Range.IsEmpty).ToHashSet();
        return all.Units.Where(unit => unit.Form == UnitForm.Static && unit.Inputs.Concat(unit.Outputs).Any(unknown.Contains))
            .ToImmutableDictionary(unit => unit.Node, _ => "calibration saw no finite value of its input or output");
    }
}
