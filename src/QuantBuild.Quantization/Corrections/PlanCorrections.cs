using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Corrections;

/// <summary>The corrections of the plans for one model. What was found for a value or a unit holds in every plan that has it, and is not looked for again.</summary>
internal sealed class PlanCorrections(PreparedRequest job)
{
    private readonly HashSet<Value> _looked = [];
    private readonly WeightRounder _rounder = new(job);
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

    /// <summary>Where it is used, weights and biases as they make up for what all units before them do.</summary>
    /// <param name="plan">With all other corrections.</param>
    public QuantizationPlan Reconstruct(QuantizationPlan plan) => job.Request.Settings.Uses(Correction.Reconstruction) ? WeightReconstruction.Apply(job, plan) : plan;

    /// <summary>The mean errors of layers with a bias whose channels lie where the meter looked for them.</summary>
    public ImmutableDictionary<string, ImmutableArray<double>> Biases(Placement placement, ImmutableDictionary<(Node Node, UnitForm Form), UnitError> errors) => !job.Request.Settings.Uses(Correction.Bias)
        ? ImmutableDictionary<string, ImmutableArray<double>>.Empty
        : placement.Units
            .Where(unit => unit.HasBias && errors.TryGetValue((unit.Node, unit.Form), out var error)
                && error.ChannelMeans.Length == unit.Node.Input(1)!.Constant!.Dimensions[unit.Rule.ChannelAxis!(unit.Node)])
            .ToImmutableDictionary(unit => unit.Node.Output.Name, unit => errors[(unit.Node, unit.Form)].ChannelMeans);
}
