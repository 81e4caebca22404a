using System.Numerics.Tensors;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Chooses for each weight which of its two neighbours on the grid it becomes, so that the output of the layer changes least: with the moments H = L·Lᵀ of the
/// inputs the error of an output channel is |Lᵀ·d|² for its change d, and going from the last weight to the first, each takes up what those before it left over.
/// (Babai's nearest plane; GPTQ, Frantar et al. 2023, makes the same choices from the inverse of H.)
/// </summary>
internal sealed class LayerRounding
{
    /// <summary>On the diagonal of H, as a share of its mean: samples that are to come differ from those that H was seen on.</summary>
    private const double Damping = 0.1;

    private readonly float[][] _factor;
    private readonly int[] _order;

    private LayerRounding(CholeskyFactor factor, int[] order)
    {
        (_factor, _order) = ([.. Enumerable.Range(0, factor.Size).Select(factor.RowOf)], order);
    }

    /// <summary>Null for inputs that were always 0.</summary>
    public static LayerRounding? Of(LayerMoments moments)
    {
        // The strongest come last, so first: their errors are the ones to be made up for.
        int[] order = [.. Enumerable.Range(0, moments.Size).OrderBy(index => moments[index][index]).ThenByDescending(index => index)];
        var damping = (moments.MeanEnergy * Damping) + float.Epsilon;
        return CholeskyFactor.Of(moments.Size, (row, column) => moments[order[row]][order[column]] + (row == column ? damping : 0)) is { } factor
            ? new(factor, order)
            : null;
    }

    /// <summary>Rounds the weights of one output channel.</summary>
    /// <param name="weights">In float.</param>
    /// <param name="gridOf">The grid of each.</param>
    /// <param name="integers">What they become.</param>
    /// <returns>What a scale that they share is to be multiplied with, so that the rounded weights come nearest to the float ones at the layer's output.</returns>
    public double Round(ReadOnlySpan<float> weights, Func<int, WeightStep> gridOf, Span<int> integers)
    {
        // Of Lᵀ·d and of Lᵀ·w, as far as weights are done
        var (errors, signals) = (new float[_order.Length], new float[_order.Length]);
        var (common, own) = (0.0, 0.0);
        for (var position = _order.Length - 1; position >= 0; position--)
        {
            var (index, row) = (_order[position], _factor[position]);
            var (weight, grid) = (weights[index], gridOf(index));
            integers[index] = grid.Choose(weight, weight - (errors[position] / (double)row[position]));
            var error = (float)(grid.ValueOf(integers[index]) - weight);
            Add(row, error, errors.AsSpan(0, position + 1));
            Add(row, weight, signals.AsSpan(0, position + 1));
            var rounded = signals[position] + (double)errors[position];
            (common, own) = (common + (rounded * signals[position]), own + (rounded * rounded));
        }

        return own > 0 && common > 0 ? common / own : 1;
    }

    private static void Add(ReadOnlySpan<float> row, float factor, Span<float> sums) => TensorPrimitives.MultiplyAdd(row[..sums.Length], factor, sums, sums);
}
