using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Pruning;

/// <summary>New weights of a layer, channel by channel, and what its bias gains; empty where there is none.</summary>
internal sealed record RefittedLayer(float[] Weights, float[] Shifts);

/// <summary>
/// Gives a layer whose inputs have changed the weights that come nearest to the outputs that it had: least squares on rows of both, damped towards the weights
/// as they are, and kept where the error falls on samples that were not fitted.
/// </summary>
/// <param name="original">The inputs of the layer as it was.</param>
/// <param name="weights">Its weights then.</param>
/// <param name="kept">Which of its output channels are left.</param>
/// <param name="now">The inputs that it gets.</param>
internal sealed class LayerRefit(LayerInputs original, float[] weights, IReadOnlyList<int> kept, LayerInputs now)
{
    /// <summary>On the diagonal of the moments, as shares of their mean: what keeps the system well-conditioned, and the more so where samples are few.</summary>
    private static readonly ImmutableArray<double> Dampings = [0.02, 0.1, 0.5];

    /// <summary>One sample of so many proves.</summary>
    private const int ShareProving = 4;

    /// <summary>Of the energy of the outputs: what differs by less is the same.</summary>
    private const double Same = 1e-8;

    private readonly LayerGeometry _geometry = now.Geometry;

    /// <param name="current">The weights that are left.</param>
    /// <param name="hasBias">Whether means can be made up for.</param>
    /// <param name="keepsProof">True where the samples that prove are to prove something else as well, and are not fitted.</param>
    /// <returns>Null where nothing is better.</returns>
    public RefittedLayer? Fit(float[] current, bool hasBias, bool keepsProof = false)
    {
        var proved = Dampings.Select(damping => (Damping: damping, Error: Fit(current, hasBias, damping, position => !IsProving(position))?.Error)).MinBy(entry => entry.Error is { After: var after } && double.IsFinite(after) ? after : double.MaxValue);
        // What is proved to work on some samples may have the others, too.
        return proved.Error is { } error && error.Before > Same * error.Signal && error.After < error.Before ? Fit(current, hasBias, proved.Damping, position => !keepsProof || !IsProving(position))?.Layer : null;
    }

    private (RefittedLayer Layer, FitError Error)? Fit(float[] current, bool hasBias, double damping, Func<int, bool> isFitted)
    {
        var (fitted, shifts, errors) = (new float[current.Length], new float[hasBias ? _geometry.Channels : 0], new FitError[_geometry.Channels]);
        for (var group = 0; group < _geometry.Groups; group++)
        {
            var first = group * _geometry.ChannelsOfGroup;
            var (inputs, proof) = (now.Columns(group, isFitted), now.Columns(group, IsProving));
            if (Factor(group, hasBias, damping, isFitted) is not { } factor || Targets(kept[first], isFitted) is var targets && (targets.Fitting.Count != inputs.Count || targets.Proving.Count != proof.Count))
            {
                return null;
            }

            var system = new LeastSquares(factor, inputs, proof, hasBias);
            Parallel.For(first, first + _geometry.ChannelsOfGroup, channel =>
            {
                var own = current.AsSpan(channel * _geometry.Depth, _geometry.Depth);
                var (change, shift, error) = system.Solve(own, targets.Of(weights.AsSpan(kept[channel] * original.Geometry.Depth, original.Geometry.Depth)));
                TensorPrimitives.Add(own, change, fitted.AsSpan(channel * _geometry.Depth, _geometry.Depth));
                errors[channel] = error;
                if (hasBias)
                {
                    shifts[channel] = shift;
                }
            });
        }

        return (new(fitted, shifts), new(errors.Sum(error => error.Before), errors.Sum(error => error.After), errors.Sum(error => error.Signal)));
    }

    private CholeskyFactor? Factor(int group, bool hasBias, double damping, Func<int, bool> isFitted)
    {
        if (LayerMoments.Of(now, group, isFitted, hasBias) is not { } moments)
        {
            return null;
        }

        var diagonal = (moments.MeanEnergy * damping) + float.Epsilon;
        return CholeskyFactor.Of(moments.Size, (row, column) => moments[row][column] + (row == column ? diagonal : 0));
    }

    private static bool IsProving(int position) => position % ShareProving == ShareProving - 1;

    private LayerTargets Targets(int channel, Func<int, bool> isFitted)
    {
        var group = channel / original.Geometry.ChannelsOfGroup;
        return new(original.Columns(group, isFitted), original.Columns(group, IsProving));
    }

    /// <summary>The inputs of a group of channels as they were.</summary>
    private sealed record LayerTargets(SampledRows Fitting, SampledRows Proving)
    {
        public (float[] Fitting, float[] Proving) Of(ReadOnlySpan<float> weights) => (Fitting.Times(weights), Proving.Times(weights));
    }

    /// <summary>What a group of channels is fitted and proved with.</summary>
    private sealed record LeastSquares(CholeskyFactor Factor, SampledRows Inputs, SampledRows Proof, bool HasBias)
    {
        public (float[] Change, float Shift, FitError Error) Solve(ReadOnlySpan<float> weights, (float[] Fitting, float[] Proving) targets)
        {
            var (residual, count) = (Minus(targets.Fitting, Inputs.Times(weights)), Inputs.Count);
            var mean = HasBias ? TensorPrimitives.Sum<float>(residual) / count : 0;
            TensorPrimitives.Subtract(residual, mean, residual);
            var solution = new double[weights.Length];
            for (var index = 0; index < solution.Length; index++)
            {
                // Of the centred residual the mean of the input is taken out as well.
                solution[index] = TensorPrimitives.Dot(Inputs.Columns.AsSpan(index * count, count), residual) / count;
            }

            Factor.Solve(solution);
            float[] change = Array.ConvertAll(solution, element => (float)element);
            var shift = HasBias ? mean - (TensorPrimitives.Sum<float>(Inputs.Times(change)) / count) : 0;
            var old = Minus(targets.Proving, Proof.Times(weights));
            var left = Minus(old, Proof.Times(change));
            TensorPrimitives.Subtract(left, shift, left);
            return (change, shift, new(TensorPrimitives.SumOfSquares<float>(old), TensorPrimitives.SumOfSquares<float>(left), TensorPrimitives.SumOfSquares<float>(targets.Proving)));
        }

        private static float[] Minus(float[] first, float[] second)
        {
            var difference = new float[first.Length];
            TensorPrimitives.Subtract(first, second, difference);
            return difference;
        }
    }

    /// <summary>Energies of the error of output channels, with the weights as they are and refitted, and of what they should be.</summary>
    private readonly record struct FitError(double Before, double After, double Signal);
}
