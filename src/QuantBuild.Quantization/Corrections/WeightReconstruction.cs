using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Goes through the layers in the order in which they run, and gives each the weights and the bias that come nearest to its float outputs on what the quantized
/// layers before it, already reconstructed, give it. So each takes up what those before it have left (layer-wise reconstruction with quantized inputs, as
/// AdaRound, Nagel et al. 2020, has it; the bias is their sequential bias correction).
/// </summary>
internal static class WeightReconstruction
{
    private const int FewestSamples = 8;

    /// <param name="job">What the plan is for.</param>
    /// <param name="plan">With everything else corrected.</param>
    /// <returns>The plan with other roundings and bias corrections; null where there is nothing to do.</returns>
    public static QuantizationPlan? Apply(PreparedRequest job, QuantizationPlan plan)
    {
        var samples = job.Data.Correcting;
        var chain = UnitShadows.Chain(job.Model, plan);
        var shadows = chain.All.Where(IsConcerned).ToDictionary(shadow => shadow.Product.Producer!, shadow => shadow.Unit);
        if (samples.Count < FewestSamples || shadows.Count == 0)
        {
            return null;
        }

        RemoveUnused.Prune(chain.Model.Graph);
        var count = RowCount.ToFit.Within(shadows.Values.Select(unit => LayerGeometry.Of(unit.Node)!), ModelPruner.MostBytes);
        var before = LayerInputs.Gather(job.Model, [.. shadows.Values.Select(unit => unit.Node)], samples, count);
        var (rounding, biases, reconstructed) = (plan.Rounding.ToBuilder(), plan.BiasCorrections.ToBuilder(), plan.Reconstructed.ToBuilder());
        foreach (var (node, unit) in shadows)
        {
            LayerBias.Shift(node, CurrentShifts(unit, plan));
        }

        new LayerSequence(chain.Model, samples, count).ForEach("Reconstructing layers", shadows.ToDictionary(entry => entry.Key, entry => before[entry.Value.Node].Geometry), (node, now) =>
        {
            var unit = shadows[node];
            var shifts = CurrentShifts(unit, plan);
            var current = new ReconstructedUnit(plan.QuantizedWeightsOf(unit), shifts.Length > 0 ? shifts : new float[now.Geometry.Channels]);
            if (new UnitReconstruction(unit, plan, before[unit.Node], now).Find(current) is not { } found)
            {
                return;
            }

            rounding[(unit.Node, unit.Form)] = found.Weights;
            reconstructed.Add(unit.Node);
            ConstantInput.Replace(node, 1, WeightQuantization.Dequantize(found.Weights).Reshape(node.Input(1)!.Constant!.Dimensions));
            if (unit.HasBias)
            {
                biases[unit.Node.Output.Name] = [.. found.Shifts.Select(shift => -(double)shift)];
                LayerBias.Shift(node, [.. found.Shifts.Zip(current.Shifts, (after, given) => after - given)]);
            }
        });
        return plan with { Rounding = rounding.ToImmutable(), BiasCorrections = biases.ToImmutable(), Reconstructed = reconstructed.ToImmutable() };
    }

    /// <summary>Layers whose weights are theirs alone. Bodies run as often as they run, each time on other inputs.</summary>
    private static bool IsConcerned(UnitShadow shadow) =>
        shadow.Unit.Rule.Role == OperatorRole.Linear && shadow.Product.Graph.Parent is null
        && LayerGeometry.Of(shadow.Unit.Node) is { Depth: > 1 } && shadow.Unit.Node.Input(1)!.Consumers.Count == 1
        && (!shadow.Unit.HasBias || LayerBias.IsPossible(shadow.Unit.Node));

    private static float[] CurrentShifts(QuantizedUnit unit, QuantizationPlan plan) =>
        unit.HasBias && plan.BiasCorrections.TryGetValue(unit.Node.Output.Name, out var means) ? [.. means.Select(mean => -(float)mean)] : [];
}
