using System.Collections.Immutable;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// What quantizing one unit alone does to its own output: the energies of the float output and of the error, and the mean error of each
/// output channel (axis 1, or the last of a matrix) before the activation, empty where it is another from sample to sample.
/// </summary>
internal sealed record UnitError(double Signal, double Noise, ImmutableArray<double> ChannelMeans)
{
    /// <summary>Decibels that stand for a perfect copy.</summary>
    public const double Perfect = 120;

    /// <summary>Noise as a share of the signal.</summary>
    public double Share => Energy.Share(Noise, Signal);

    /// <summary>Signal-to-quantization-noise ratio, 10·log₁₀(Σy²/Σ(y−ŷ)²).</summary>
    public double SqnrDb => Noise <= Signal * 1e-12 ? Perfect : 10 * Math.Log10(Math.Max(Signal, double.Epsilon) / Noise);
}
