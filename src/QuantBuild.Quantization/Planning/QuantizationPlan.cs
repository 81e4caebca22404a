using System.Collections.Immutable;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// What is quantized and how, by name: <see cref="Activations"/> are the values that get a Q and a DQ, <see cref="Units"/> the operators that
/// are quantized.
/// </summary>
internal sealed record QuantizationPlan(
    ModelForm Form, ImmutableDictionary<string, QuantizationParameters> Activations, ImmutableArray<QuantizedUnit> Units, Placement Placement)
{
    /// <summary>What is taken off the biases, by the name of the output of Conv and Gemm: the mean error that rounding causes in each channel.</summary>
    public ImmutableDictionary<string, ImmutableArray<double>> BiasCorrections { get; init; } = ImmutableDictionary<string, ImmutableArray<double>>.Empty;
}
