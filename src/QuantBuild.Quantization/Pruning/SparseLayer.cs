using System.Numerics.Tensors;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Makes weights of a group of output channels 0. With the moments H = L·Lᵀ of the inputs the error of a channel is |Lᵀ·d|² for its change d. From the last
/// weight to the first, each takes up what those before it left over; taking it out then costs (L_jj·w_j)², and what it leaves over is carried on
/// (SparseGPT, Frantar and Alistarh 2023, without the inverse).
/// </summary>
internal sealed class SparseLayer
{
    /// <summary>So many weights of each channel are chosen among at a time: the choice sees what those before left over.</summary>
    private const int BlockLength = 128;

    /// <summary>On the diagonal of H, as a share of its mean.</summary>
    private const double Damping = 0.01;

    private readonly WeightSparsity _sparsity;
    private readonly float[]?[] _factor;
    private readonly int _depth;

    private SparseLayer(WeightSparsity sparsity, int depth, float[]?[] factor)
    {
        (_sparsity, _depth, _factor) = (sparsity, depth, factor);
    }

    /// <summary>Without moments what is small goes, and nothing makes up for it.</summary>
    public static SparseLayer Of(WeightSparsity sparsity, int depth, LayerMoments? moments)
    {
        var damping = ((moments?.MeanEnergy ?? 0) * Damping) + float.Epsilon;
        var factor = moments is null ? null : CholeskyFactor.Of(depth, (row, column) => moments[row][column] + (row == column ? damping : 0));
        return new(sparsity, depth, [.. Enumerable.Range(0, depth).Select(row => factor?.RowOf(row))]);
    }

    /// <summary>Changes the weights, one output channel after the other.</summary>
    public void Prune(Span<float> weights)
    {
        var original = weights.ToArray();
        var carried = new float[weights.Length];
        // Blocks end where groups of N:M end.
        for (var end = _depth; end > 0;)
        {
            var start = Math.Max(0, (end - 1) / BlockLength * BlockLength);
            Prune(weights, original, carried, (start, end));
            end = start;
        }
    }

    private void Prune(Span<float> weights, float[] original, float[] carried, (int Start, int End) block)
    {
        var channels = weights.Length / _depth;
        var costs = new float[channels * (block.End - block.Start)];
        for (var channel = 0; channel < channels; channel++)
        {
            for (var index = block.Start; index < block.End; index++)
            {
                costs[(channel * (block.End - block.Start)) + index - block.Start] = CostOf(weights, carried, (channel * _depth) + index, index);
            }
        }

        var taken = Choose(costs);
        for (var channel = 0; channel < channels; channel++)
        {
            for (var index = block.End - 1; index >= block.Start; index--)
            {
                var position = (channel * _depth) + index;
                weights[position] = taken[(channel * (block.End - block.Start)) + index - block.Start] ? 0 : Target(weights, carried, position, index);
                if (_factor[index] is { } row && weights[position] - original[position] is not 0 and var change)
                {
                    var before = carried.AsSpan(channel * _depth, index);
                    TensorPrimitives.MultiplyAdd(row.AsSpan(0, index), change, before, before);
                }
            }
        }
    }

    /// <summary>What the weight had better be, after what those before it left over.</summary>
    private float Target(Span<float> weights, float[] carried, int position, int index) =>
        _factor[index] is { } row ? weights[position] - (carried[position] / row[index]) : weights[position];

    private float CostOf(Span<float> weights, float[] carried, int position, int index)
    {
        var root = Target(weights, carried, position, index) * (_factor[index]?[index] ?? 1);
        return root * root;
    }

    private bool[] Choose(float[] costs)
    {
        var taken = new bool[costs.Length];
        var size = _sparsity.GroupSize ?? costs.Length;
        for (var start = 0; start < costs.Length; start += size)
        {
            // A large share of few weights would round to all of them, and the layer would compute nothing but its bias.
            var count = _sparsity.GroupSize is null ? Math.Min((int)Math.Round(costs.Length * _sparsity.Share), costs.Length - 1) : size - _sparsity.Kept;
            foreach (var position in Enumerable.Range(start, size).OrderBy(position => costs[position]).Take(count))
            {
                taken[position] = true;
            }
        }

        return taken;
    }
}
