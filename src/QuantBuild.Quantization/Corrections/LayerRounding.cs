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

    /// <summary>Of each channel there is a sum of errors and one of signals.</summary>
    private const int ChannelsAtATime = ScaledSums.Width / 2;

    /// <summary>So many weights are chosen before all before them take up what they leave over. A multiple of <see cref="Alignment"/>.</summary>
    private const int BlockLength = 32;

    /// <summary>Sums that are done may take up anything, so that rows are rounded up to whole vectors.</summary>
    private const int Alignment = 8;

    /// <summary>The rows of L up to the diagonal, one after the other, and some elements more.</summary>
    private readonly float[] _factor;
    private readonly int[] _order;

    private LayerRounding(CholeskyFactor factor, int[] order)
    {
        (_factor, _order) = (new float[StartOf(order.Length) + Alignment], order);
        for (var row = 0; row < order.Length; row++)
        {
            factor.RowOf(row).CopyTo(_factor, StartOf(row));
        }
    }

    private int Depth => _order.Length;

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

    /// <summary>Rounds the weights of output channels.</summary>
    /// <param name="weights">In float, channel by channel.</param>
    /// <param name="gridOf">The grid of a channel's weight.</param>
    /// <param name="integers">What they become.</param>
    /// <returns>For each channel, what a scale that its weights share is to be multiplied with, so that the rounded weights come nearest to the float ones at the layer's output.</returns>
    public double[] Round(ReadOnlyMemory<float> weights, Func<int, int, WeightStep> gridOf, Memory<int> integers)
    {
        var factors = new double[weights.Length / Depth];
        Parallel.For(0, (factors.Length + ChannelsAtATime - 1) / ChannelsAtATime, part =>
        {
            var first = part * ChannelsAtATime;
            Round(first, Math.Min(ChannelsAtATime, factors.Length - first), weights.Span, gridOf, integers.Span, factors);
        });
        return factors;
    }

    private static int StartOf(int row) => checked((int)((long)row * (row + 1) / 2));

    private void Round(int first, int count, ReadOnlySpan<float> weights, Func<int, int, WeightStep> gridOf, Span<int> integers, Span<double> factors)
    {
        // Of Lᵀ·d and of Lᵀ·w, as far as weights are done
        var stride = (Depth + Alignment - 1) / Alignment * Alignment;
        var sums = new float[stride * ScaledSums.Width];
        Span<double> common = stackalloc double[ChannelsAtATime];
        Span<double> own = stackalloc double[ChannelsAtATime];
        Span<float> scales = stackalloc float[BlockLength * ScaledSums.Width];
        Span<int> starts = stackalloc int[BlockLength];
        common.Clear();
        own.Clear();
        scales.Clear();
        for (var end = Depth; end > 0;)
        {
            var start = (end - 1) / BlockLength * BlockLength;
            for (var position = end - 1; position >= start; position--)
            {
                var (row, index, diagonal) = (end - 1 - position, _order[position], (double)_factor[StartOf(position) + position]);
                var rowScales = scales.Slice(row * ScaledSums.Width, ScaledSums.Width);
                for (var channel = 0; channel < count; channel++)
                {
                    var (element, grid) = (((first + channel) * Depth) + index, gridOf(first + channel, index));
                    var weight = weights[element];
                    integers[element] = grid.Choose(weight, weight - (sums[(2 * channel * stride) + position] / diagonal));
                    (rowScales[2 * channel], rowScales[(2 * channel) + 1]) = ((float)(grid.ValueOf(integers[element]) - weight), weight);
                }

                starts[row] = StartOf(position) + start;
                ScaledSums.Add(_factor, starts.Slice(row, 1), rowScales, sums.AsSpan(start), stride, (position - start + Alignment) / Alignment * Alignment);
                starts[row] -= start;
                for (var channel = 0; channel < count; channel++)
                {
                    double signal = sums[(((2 * channel) + 1) * stride) + position];
                    var rounded = signal + sums[(2 * channel * stride) + position];
                    (common[channel], own[channel]) = (common[channel] + (rounded * signal), own[channel] + (rounded * rounded));
                }
            }

            ScaledSums.Add(_factor, starts[..(end - start)], scales[..((end - start) * ScaledSums.Width)], sums, stride, start);
            end = start;
        }

        for (var channel = 0; channel < count; channel++)
        {
            factors[first + channel] = own[channel] > 0 && common[channel] > 0 ? common[channel] / own[channel] : 1;
        }
    }
}
