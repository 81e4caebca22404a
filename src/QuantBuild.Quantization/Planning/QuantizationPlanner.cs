using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>From a placement and what was observed to parameters for every value.</summary>
internal static class QuantizationPlanner
{
    /// <summary>The values whose ranges a plan needs.</summary>
    public static ImmutableArray<Value> QuantizedValues(Placement placement) =>
        [.. placement.Units.Where(unit => unit.Form == UnitForm.Static).SelectMany(unit => unit.Inputs.Where(input => !input.HasConstant).Concat(unit.Outputs.Where(placement.IsQuantized))).Distinct()];

    public static QuantizationPlan Plan(Placement placement, ModelForm form, ImmutableDictionary<string, Observation> observed)
    {
        var groups = new ParameterGroups(placement);
        var values = QuantizedValues(placement);
        var activations = ImmutableDictionary.CreateBuilder<string, QuantizationParameters>();
        foreach (var group in values.GroupBy(groups.Representative))
        {
            var range = group.Aggregate(TensorRange.Empty, (union, value) => union.Union(observed[value.Name].Range));
            var ceiling = group.Select(groups.CeilingOf).Min();
            var parameters = AffineQuantization.ChooseParameters(Within(range, ceiling), form.Activations);
            foreach (var value in group)
            {
                activations[value.Name] = parameters;
            }
        }

        return new(form, activations.ToImmutable(), [.. placement.Units], placement);
    }

    /// <summary>Rounding a range may carry it beyond the upper end of a Clip.</summary>
    private static TensorRange Within(TensorRange range, float? ceiling) =>
        ceiling is { } end && !range.IsEmpty ? new(Math.Max(range.Min, 0), Math.Min(range.Max, end)) : range;
}
