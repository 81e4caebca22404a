using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;

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

    /// <summary>By the name of a value: what products that are quantized dynamically divide it by.</summary>
    public ImmutableDictionary<string, SmoothingScales> Smoothing { get; init; } = ImmutableDictionary<string, SmoothingScales>.Empty;

    /// <summary>Weights of units that are better rounded otherwise than each to its nearest integer.</summary>
    public ImmutableDictionary<(Node Node, UnitForm Form), QuantizedWeights> Rounding { get; init; } = ImmutableDictionary<(Node Node, UnitForm Form), QuantizedWeights>.Empty;

    /// <summary>Layers whose weights and biases make up for what those before them do.</summary>
    public ImmutableHashSet<Node> Reconstructed { get; init; } = [];

    public SmoothingScales? SmoothingOf(QuantizedUnit unit) => unit.Form == UnitForm.Dynamic && (unit.Node.Is("MatMul") || unit.Node.Is("Gemm"))
        ? Smoothing.GetValueOrDefault(unit.Inputs[0].Name)
        : null;

    /// <summary>The float weights that a unit quantizes.</summary>
    public TensorData WeightsOf(QuantizedUnit unit)
    {
        var weights = unit.Node.Input(unit.Rule.WeightInput)!.Constant!;
        return SmoothingOf(unit)?.Scale(weights, unit.Rule.SumAxis(unit.Node)) ?? weights;
    }

    /// <summary>What they become.</summary>
    public QuantizedWeights QuantizedWeightsOf(QuantizedUnit unit) =>
        Rounding.GetValueOrDefault((unit.Node, unit.Form)) ?? UnitWeights.Quantize(unit, WeightsOf(unit), Form.Weights);
}
