using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Goes through the layers in the order in which they run, and gives each the weights and the bias that come nearest to its float outputs on what the quantized
/// layers before it, already reconstructed, give it. So each takes up what those before it have left (layer-wise reconstruction with quantized inputs, as
/// AdaRound, Nagel et al. 2020, has it; the bias is their sequential bias correction).
/// </summary>
internal static class WeightReconstruction
{
    private const int FewestSamples = 8;

    /// <summary>More noise than this share of what there was may be less by chance.</summary>
    private const double WorthIt = 0.95;

    /// <param name="job">What the plan is for.</param>
    /// <param name="plan">With everything else corrected.</param>
    /// <returns>The plan with other roundings and bias corrections, where scores come nearer to the float ones on the samples that prove.</returns>
    public static QuantizationPlan Apply(PreparedRequest job, QuantizationPlan plan)
    {
        var samples = job.Data.Correcting;

        // The chain has all of them as floats.
        if (plan.Units.Where(unit => unit.Rule.ChannelAxis is not null).Sum(unit => (long)plan.WeightsOf(unit).Bytes.Length) > ModelPruner.MostBytes)
        {
            return plan;
        }

        var chain = UnitShadows.Chain(job.Model, plan);
        var units = chain.All.Where(shadow => IsConcerned(shadow, job.Request.Settings.AccuracyEffort)).ToDictionary(shadow => shadow.Product.Producer!, shadow => shadow.Unit);
        if (samples.Count < FewestSamples || units.Count == 0)
        {
            return plan;
        }

        RemoveUnused.Prune(chain.Model.Graph);
        foreach (var (node, unit) in units)
        {
            LayerBias.Shift(node, CurrentShifts(unit, plan));
        }

        // Layers that are better one by one may be worse together: errors that went against each other no longer do.
        var reference = new ScoreReference(job.Model, samples with { Samples = [.. samples.Samples.Where((_, position) => RequestData.IsProving(position))] });
        var given = reference.NoiseOf(chain.Model);
        var reconstructed = Reconstruct(job, plan, chain.Model, units);
        return reference.NoiseOf(chain.Model) < WorthIt * given ? reconstructed : plan;
    }

    /// <summary>Changes <paramref name="chain"/> as it goes.</summary>
    private static QuantizationPlan Reconstruct(PreparedRequest job, QuantizationPlan plan, Model chain, Dictionary<Node, QuantizedUnit> units)
    {
        var samples = job.Data.Correcting;
        var count = RowCount.ToReconstruct.Within(units.Values.Select(unit => LayerGeometry.Of(unit.Node)!), ModelPruner.MostBytes);
        var before = LayerInputs.Gather(job.Model, [.. units.Values.Select(unit => unit.Node)], samples, count);
        var (rounding, biases, reconstructed) = (plan.Rounding.ToBuilder(), plan.BiasCorrections.ToBuilder(), plan.Reconstructed.ToBuilder());
        new LayerSequence(chain, samples, count).ForEach("Reconstructing layers", units.ToDictionary(entry => entry.Key, entry => before[entry.Value.Node].Geometry), (node, now) =>
        {
            var unit = units[node];
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

    /// <summary>Bodies run as often as they run, each time on other inputs.</summary>
    private static bool IsConcerned(UnitShadow shadow, AccuracyEffort effort) =>
        WeightRounder.IsConcerned(shadow.Unit, effort) && shadow.Product.Graph.Parent is null && (!shadow.Unit.HasBias || LayerBias.IsPossible(shadow.Unit.Node));

    private static float[] CurrentShifts(QuantizedUnit unit, QuantizationPlan plan) =>
        unit.HasBias && plan.BiasCorrections.TryGetValue(unit.Node.Output.Name, out var means) ? [.. means.Select(mean => -(float)mean)] : [];
}
