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

    /// <summary>The second moments of each group's inputs on the samples that do not prove, where they are known already.</summary>
    public Func<int, LayerMoments?>? Moments { get; init; }

    /// <param name="current">The weights that are left.</param>
    /// <param name="hasBias">Whether means can be made up for.</param>
    /// <param name="keepsProof">True where the samples that prove are to prove something else as well, and are not fitted.</param>
    /// <returns>Null where nothing is better.</returns>
    public RefittedLayer? Fit(float[] current, bool hasBias, bool keepsProof = false)
    {
        var proved = Fits(current, hasBias, Dampings, position => !IsProving(position), Moments).Where(fit => double.IsFinite(fit.Error.After)).MinBy(fit => fit.Error.After);
        if (proved is not { Error: var error } || error.Before <= Same * error.Signal || error.After >= error.Before)
        {
            return null;
        }

        // What is proved to work on some samples may have the others, too.
        return keepsProof ? proved.Layer : Fits(current, hasBias, [proved.Damping], _ => true).FirstOrDefault()?.Layer;
    }

    /// <summary>One for each damping; none where there are no rows, or others than there were.</summary>
    private Fitted[] Fits(float[] current, bool hasBias, ImmutableArray<double> dampings, Func<int, bool> isFitted, Func<int, LayerMoments?>? known = null)
    {
        var momentsOf = known ?? (group => LayerMoments.Of(now, group, isFitted, hasBias));
        Fitted[] fits = [.. dampings.Select(damping => new Fitted(damping, new(new float[current.Length], new float[hasBias ? _geometry.Channels : 0]), new FitError[_geometry.Channels]))];
        for (var group = 0; group < _geometry.Groups; group++)
        {
            var first = group * _geometry.ChannelsOfGroup;
            var (inputs, proof, targets) = (now.Columns(group, isFitted), now.Columns(group, IsProving), Targets(kept[first], isFitted));
            if (targets.Fitting.Count != inputs.Count || targets.Proving.Count != proof.Count || momentsOf(group) is not { } moments)
            {
                return [];
            }

            var systems = fits.Select(fit => Factor(moments, fit.Damping)).ToArray();
            Parallel.For(first, first + _geometry.ChannelsOfGroup, channel =>
            {
                var own = current.AsSpan(channel * _geometry.Depth, _geometry.Depth);
                var wanted = targets.Of(weights.AsSpan(kept[channel] * original.Geometry.Depth, original.Geometry.Depth));
                var system = new LeastSquares(moments.Means, Minus(wanted.Fitting, inputs.Times(own)), Minus(wanted.Proving, proof.Times(own)), TensorPrimitives.SumOfSquares<float>(wanted.Proving));
                var products = system.Products(inputs, hasBias);
                foreach (var (fit, factor) in fits.Zip(systems))
                {
                    var (change, shift, error) = system.Solve(factor, products, proof, hasBias);
                    TensorPrimitives.Add(own, change, fit.Layer.Weights.AsSpan(channel * _geometry.Depth, _geometry.Depth));
                    fit.Errors[channel] = error;
                    if (hasBias)
                    {
                        fit.Layer.Shifts[channel] = shift;
                    }
                }
            });
        }

        return fits;
    }

    private static CholeskyFactor? Factor(LayerMoments moments, double damping)
    {
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

    private static float[] Minus(float[] first, float[] second)
    {
        TensorPrimitives.Subtract(first, second, second);
        return second;
    }

    /// <summary>A layer with one damping, and the errors of its channels.</summary>
    private sealed record Fitted(double Damping, RefittedLayer Layer, FitError[] Errors)
    {
        public FitError Error => new(Errors.Sum(error => error.Before), Errors.Sum(error => error.After), Errors.Sum(error => error.Signal));
    }

    /// <summary>What one channel is fitted to: what its outputs lack, on rows to fit and on rows to prove, and the energy that they should have there.</summary>
    private sealed record LeastSquares(float[] Means, float[] Lacking, float[] LackingProof, double Signal)
    {
        /// <summary>The mean products of what is lacking with each element of the inputs; of what its mean leaves, where a bias makes up for that.</summary>
        public (double[] Products, float Mean) Products(SampledRows inputs, bool hasBias)
        {
            var mean = hasBias ? TensorPrimitives.Sum<float>(Lacking) / inputs.Count : 0;
            TensorPrimitives.Subtract(Lacking, mean, Lacking);
            var products = new double[Means.Length];
            for (var index = 0; index < products.Length; index++)
            {
                // Of the centred residual the mean of the input is taken out as well.
                products[index] = TensorPrimitives.Dot(inputs.Columns.AsSpan(index * inputs.Count, inputs.Count), Lacking) / inputs.Count;
            }

            return (products, mean);
        }

        /// <summary>An error that is not a number where there is no factor.</summary>
        public (float[] Change, float Shift, FitError Error) Solve(CholeskyFactor? factor, (double[] Products, float Mean) right, SampledRows proof, bool hasBias)
        {
            var before = TensorPrimitives.SumOfSquares<float>(LackingProof);
            if (factor is null)
            {
                return (new float[Means.Length], 0, new(before, double.NaN, Signal));
            }

            double[] solution = [.. right.Products];
            factor.Solve(solution);
            float[] change = Array.ConvertAll(solution, element => (float)element);
            var shift = hasBias ? right.Mean - TensorPrimitives.Dot<float>(Means, change) : 0;
            var left = proof.Times(change);
            TensorPrimitives.Subtract(LackingProof, left, left);
            TensorPrimitives.Subtract(left, shift, left);
            return (change, shift, new(before, TensorPrimitives.SumOfSquares<float>(left), Signal));
        }
    }

    /// <summary>Energies of the error of output channels, with the weights as they are and refitted, and of what they should be.</summary>
    private readonly record struct FitError(double Before, double After, double Signal);
}
