using System.Numerics.Tensors;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>Weights of a unit, and what its bias gains in each channel: zeros where it has none.</summary>
internal sealed record ReconstructedUnit(QuantizedWeights Weights, float[] Shifts);

/// <summary>
/// Finds the weights and the bias with which a unit, on the inputs that quantized units before it give it, comes nearest to the outputs that it has in float.
/// </summary>
/// <param name="unit">A layer.</param>
/// <param name="plan">Where it is from.</param>
/// <param name="before">Its inputs in float.</param>
/// <param name="now">Those that it gets, row for row.</param>
internal sealed class UnitReconstruction(QuantizedUnit unit, QuantizationPlan plan, LayerInputs before, LayerInputs now)
{
    /// <summary>Longer sums have too few rows for least squares, which cost the third power of it.</summary>
    private const int LongestFit = 2048;

    private readonly LayerGeometry _geometry = now.Geometry;
    private readonly float[] _targets = before.Geometry.Rows(unit.Node.Input(1)!.Constant!);

    /// <param name="current">As the plan has it.</param>
    /// <returns>What has less error on samples that it was not found on; null where nothing has.</returns>
    public ReconstructedUnit? Find(ReconstructedUnit current)
    {
        ReconstructedUnit[] candidates = [current, .. Weights(current.Weights).Select(weights => new ReconstructedUnit(weights, new float[_geometry.Channels]))];
        float[][] weights = [.. candidates.Select(candidate => _geometry.Rows(WeightQuantization.Dequantize(candidate.Weights)))];
        var errors = new double[candidates.Length, _geometry.Channels];
        for (var group = 0; group < _geometry.Groups; group++)
        {
            var (choosing, proving) = (Rows(group, position => !RequestData.IsProving(position)), Rows(group, RequestData.IsProving));
            if (choosing is null || proving is null)
            {
                return null;
            }

            Parallel.For(group * _geometry.ChannelsOfGroup, (group + 1) * _geometry.ChannelsOfGroup, channel =>
            {
                var (chosen, proved) = (choosing.Before.Times(RowOf(_targets, channel)), proving.Before.Times(RowOf(_targets, channel)));
                for (var index = 0; index < candidates.Length; index++)
                {
                    var shifts = candidates[index].Shifts;
                    if (index > 0 && unit.HasBias)
                    {
                        shifts[channel] = TensorPrimitives.Sum<float>(Minus(chosen, choosing.Now.Times(RowOf(weights[index], channel)))) / chosen.Length;
                    }

                    var error = Minus(proved, proving.Now.Times(RowOf(weights[index], channel)));
                    TensorPrimitives.Subtract(error, shifts[channel], error);
                    errors[index, channel] = TensorPrimitives.SumOfSquares<float>(error);
                }
            });
        }

        var best = Enumerable.Range(0, candidates.Length).MinBy(index => Enumerable.Range(0, _geometry.Channels).Sum(channel => errors[index, channel]));
        return best == 0 ? null : candidates[best];
    }

    /// <summary>The weights as they are, where a bias can be another; rounded anew in view of what the unit is given; and fitted to that, then rounded.</summary>
    private IEnumerable<QuantizedWeights> Weights(QuantizedWeights current)
    {
        var (scheme, given) = (plan.Form.Weights, plan.WeightsOf(unit));
        var known = new LayerMoments?[_geometry.Groups];
        Func<int, LayerMoments?> moments = group => known[group] ??= UnitRounding.MomentsOf(unit, now, group);
        if (unit.HasBias)
        {
            yield return current;
        }

        if (new UnitRounding(unit, scheme, given, now) { Moments = moments }.Round() is { } rounded)
        {
            yield return rounded;
        }

        var refit = new LayerRefit(before, _targets, [.. Enumerable.Range(0, _geometry.Channels)], now) { Moments = moments };
        if (_geometry.Depth <= LongestFit && refit.Fit(_geometry.Rows(given), unit.HasBias, keepsProof: true) is { } fitted
            && new UnitRounding(unit, scheme, _geometry.Weights(given, fitted.Weights), now) { Moments = moments }.Round() is { } reconstructed)
        {
            yield return reconstructed;
        }
    }

    private ReadOnlySpan<float> RowOf(float[] weights, int channel) => weights.AsSpan(channel * _geometry.Depth, _geometry.Depth);

    /// <summary>Null where samples have none.</summary>
    private RowPairs? Rows(int group, Func<int, bool> isTaken)
    {
        var rows = new RowPairs(before.Columns(group, isTaken), now.Columns(group, isTaken));
        return rows.Before.Count > 0 && rows.Before.Count == rows.Now.Count ? rows : null;
    }

    private static float[] Minus(float[] first, float[] second)
    {
        TensorPrimitives.Subtract(first, second, second);
        return second;
    }

    private sealed record RowPairs(SampledRows Before, SampledRows Now);
}
