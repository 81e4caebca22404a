using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The corrections of the plans for one model. What was found for a value or a unit holds in every plan that has it, and is not looked for again.</summary>
internal sealed class PlanCorrections(PreparedRequest job)
{
    /// <summary>More noise than this share of what there was may be less by chance.</summary>
    private const double WorthIt = 0.95;

    private readonly HashSet<Value> _looked = [];
    private readonly WeightRounder _rounder = new(job);
    private OutputReference? _reference;
    private ImmutableDictionary<string, SmoothingScales> _smoothing = ImmutableDictionary<string, SmoothingScales>.Empty;

    /// <summary>Everything but biases, which need the errors that the rest leaves.</summary>
    public QuantizationPlan Correct(QuantizationPlan plan)
    {
        var (settings, measured) = (job.Request.Settings, job.Data.Measured);
        if (settings.Uses(Correction.Smoothing))
        {
            Value[] unknown = [.. plan.Units.Where(unit => unit.Form == UnitForm.Dynamic).Select(unit => unit.Inputs[0]).Where(_looked.Add)];
            _smoothing = _smoothing.SetItems(ActivationSmoothing.Find(job.Model, unknown, job.Context.Form, measured));
            plan = plan with { Smoothing = _smoothing };
        }

        UnitWeights.QuantizeAll(plan, measured);
        return settings.Uses(Correction.Rounding) ? plan with { Rounding = _rounder.Find(plan) } : plan;
    }

    /// <summary>Where it is asked for, weights and biases are found anew in view of what all units before them do; kept where outputs of the model come nearer on the samples that prove.</summary>
    /// <param name="plan">With all other corrections.</param>
    /// <param name="model">What it gives.</param>
    public (QuantizationPlan Plan, Model Model) Reconstruct(QuantizationPlan plan, Model model)
    {
        if (!job.Request.Settings.Uses(Correction.Reconstruction) || WeightReconstruction.Apply(job, plan) is not { } reconstructed)
        {
            return (plan, model);
        }

        var samples = job.Data.Correcting;
        _reference ??= new(job.Model, samples with { Samples = [.. samples.Samples.Where((_, position) => UnitRounding.IsProving(position))] });
        var rewritten = ModelRewriter.Rewrite(job.Model, reconstructed);
        return _reference.Shares(rewritten).Sum() < WorthIt * _reference.Shares(model).Sum() ? (reconstructed, rewritten) : (plan, model);
    }

    /// <summary>The mean errors of layers with a bias whose channels lie where the meter looked for them.</summary>
    public ImmutableDictionary<string, ImmutableArray<double>> Biases(Placement placement, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> errors) => !job.Request.Settings.Uses(Correction.Bias)
        ? ImmutableDictionary<string, ImmutableArray<double>>.Empty
        : placement.Units
            .Where(unit => unit.HasBias && errors.TryGetValue((unit.Node, unit.Form), out var error)
                && error.ChannelMeans.Length == unit.Node.Input(1)!.Constant!.Dimensions[unit.Rule.ChannelAxis!(unit.Node)])
            .ToImmutableDictionary(unit => unit.Node.Output.Name, unit => errors[(unit.Node, unit.Form)].ChannelMeans);
}
