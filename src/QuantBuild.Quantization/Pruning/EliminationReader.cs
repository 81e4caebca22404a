using System.Numerics.Tensors;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// A layer (or one group of a convolution) that loses channels of its input one after the other. With the moments H of the input, taking the elements I of a
/// channel out costs Σ w_I·((H⁻¹)_II)⁻¹·w_Iᵀ over the output channels, after all other weights have made up for it as well as they can (Optimal Brain
/// Surgeon, Hassibi and Stork 1993, for blocks).
/// </summary>
internal sealed class EliminationReader
{
    /// <summary>Longer sums are not inverted: there a channel costs what it adds to the outputs, and nothing makes up for it.</summary>
    private const int LongestSum = 1536;

    /// <summary>On the diagonal of H, as a share of its mean.</summary>
    private const double Damping = 0.01;

    private readonly int[][] _blocks;
    private readonly double[] _weights;
    private readonly double[]? _inverse;
    private readonly LayerMoments _moments;
    private readonly int _depth;
    private readonly double _signal;

    /// <param name="moments">Of the inputs.</param>
    /// <param name="weights">The weights of each output channel, one channel after the other.</param>
    /// <param name="blocks">The elements of a row that each channel has.</param>
    public EliminationReader(LayerMoments moments, ReadOnlySpan<float> weights, int[][] blocks)
    {
        (_moments, _blocks, _depth, _weights) = (moments, blocks, moments.Size, new double[weights.Length]);
        TensorPrimitives.ConvertChecked(weights, _weights);
        _signal = Signal(weights);
        var damping = (moments.MeanEnergy * Damping) + float.Epsilon;
        _inverse = _depth > LongestSum ? null
            : CholeskyFactor.Of(_depth, (row, column) => moments[row][column] + (row == column ? damping : 0))?.Invert();
    }

    /// <summary>What the weights have become.</summary>
    public float[] Weights => Array.ConvertAll(_weights, weight => (float)weight);

    /// <summary>What the means of the outputs have lost.</summary>
    public float[] Shifts(ReadOnlySpan<float> before)
    {
        var shifts = new float[before.Length / _depth];
        for (var channel = 0; channel < shifts.Length; channel++)
        {
            for (var index = 0; index < _depth; index++)
            {
                shifts[channel] += (float)((before[(channel * _depth) + index] - _weights[(channel * _depth) + index]) * _moments.Means[index]);
            }
        }

        return shifts;
    }

    /// <summary>What the outputs lose next with a channel, as a share of their energy.</summary>
    public double HarmOf(int channel)
    {
        var block = _blocks[channel];
        if (_signal == 0 || block.Length == 0)
        {
            return 0;
        }

        var factor = FactorOf(block);
        var (sum, own) = (0.0, new double[block.Length]);
        for (var start = 0; start < _weights.Length; start += _depth)
        {
            for (var i = 0; i < block.Length; i++)
            {
                own[i] = _weights[start + block[i]];
            }

            sum += factor is null ? Plain(block, own) : factor.InverseForm(own);
        }

        return sum / _signal;
    }

    /// <summary>Takes a channel out, and the others make up for it.</summary>
    public void Remove(int channel)
    {
        var block = _blocks[channel];
        if (_inverse is not null && block.Length > 0 && FactorOf(block) is { } factor)
        {
            var updates = Updates(block, factor);
            Subtract(_weights, block, updates);
            Subtract(_inverse, block, updates);
            foreach (var index in block)
            {
                // Exactly: what is left of rounding would be divided by.
                _inverse.AsSpan(index * _depth, _depth).Clear();
                for (var row = 0; row < _depth; row++)
                {
                    _inverse[(row * _depth) + index] = 0;
                }
            }
        }

        foreach (var index in block)
        {
            for (var start = 0; start < _weights.Length; start += _depth)
            {
                _weights[start + index] = 0;
            }
        }
    }

    private CholeskyFactor? FactorOf(int[] block) => _inverse is null ? null : CholeskyFactor.Of(block.Length, (row, column) => _inverse[(block[row] * _depth) + block[column]]);

    /// <summary>((H⁻¹)_II)⁻¹·(H⁻¹)_I, a row for each element of the block.</summary>
    private double[][] Updates(int[] block, CholeskyFactor factor)
    {
        double[][] rows = [.. block.Select(index => _inverse!.AsSpan(index * _depth, _depth).ToArray())];
        var column = new double[block.Length];
        for (var index = 0; index < _depth; index++)
        {
            for (var i = 0; i < block.Length; i++)
            {
                column[i] = rows[i][index];
            }

            factor.Solve(column);
            for (var i = 0; i < block.Length; i++)
            {
                rows[i][index] = column[i];
            }
        }

        return rows;
    }

    /// <summary>From each row of a matrix its elements in the block times the updates.</summary>
    private void Subtract(double[] matrix, int[] block, double[][] updates)
    {
        for (var start = 0; start < matrix.Length; start += _depth)
        {
            var row = matrix.AsSpan(start, _depth);
            double[] factors = [.. block.Select(index => matrix[start + index])];
            for (var i = 0; i < block.Length; i++)
            {
                TensorPrimitives.MultiplyAdd(updates[i], -factors[i], row, row);
            }
        }
    }

    /// <summary>w·H·wᵀ within the block.</summary>
    private double Plain(int[] block, double[] own)
    {
        var sum = 0.0;
        for (var i = 0; i < block.Length; i++)
        {
            for (var j = 0; j < block.Length; j++)
            {
                sum += own[i] * own[j] * _moments[block[i]][block[j]];
            }
        }

        return sum;
    }

    private double Signal(ReadOnlySpan<float> weights)
    {
        var sum = 0.0;
        for (var start = 0; start < weights.Length; start += _depth)
        {
            var row = weights.Slice(start, _depth);
            for (var index = 0; index < _depth; index++)
            {
                sum += row[index] == 0 ? 0 : row[index] * (double)TensorPrimitives.Dot(_moments[index], row);
            }
        }

        return sum;
    }
}
