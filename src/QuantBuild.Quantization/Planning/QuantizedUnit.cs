using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// One quantized kernel to be: a node, and the Relu or Clip behind it that the kernel's saturation makes redundant. Activations enter
/// through <see cref="Inputs"/>, and <see cref="Outputs"/> are what comes out of both.
/// </summary>
internal sealed record QuantizedUnit(Node Node, OperatorRule Rule, UnitForm Form, Node? Activation)
{
    public ImmutableArray<Value> Inputs { get; } = [.. Rule.DataInputs(Node).Select(index => Node.Input(index)).OfType<Value>()];

    public ImmutableArray<Value> Outputs { get; } = Rule.HasManyOutputs ? [.. Node.Outputs.OfType<Value>()] : [(Activation ?? Node).Output];

    /// <summary>The only output of every operator that divides nothing.</summary>
    public Value Output => Outputs[0];

    /// <summary>True where a bias can make up for the mean error of each output channel.</summary>
    public bool HasBias => Rule is { HasBias: true, ChannelAxis: not null };

    /// <summary>True where the output has the parameters of the input.</summary>
    public bool IsMoving => Rule.Role is OperatorRole.Moving or OperatorRole.MovingQuantized;

    /// <summary>The constant upper end of the activation: 6 for Clip(0, 6), infinite for Relu; null without an activation.</summary>
    public float? Ceiling => Activation is null ? null
        : Activation.Input(2)?.Constant is { } max ? max.ToFloats()[0] : float.PositiveInfinity;

    /// <summary>The unit that begins at <paramref name="node"/>.</summary>
    public static QuantizedUnit At(Node node, OperatorRule rule, UnitForm form, bool mayTakeActivation) =>
        new(node, rule, form, mayTakeActivation && rule.TakesActivation && node.Output is { IsGraphOutput: false, Consumers: [{ Node: var next, Index: 0 }] } && next.Graph == node.Graph && IsRedundant(next) ? next : null);

    /// <summary>True where the activation enters at this place: input number <paramref name="index"/> of <paramref name="node"/>.</summary>
    public bool Reads(Node node, int index) => node == Node && Rule.DataInputs(node).Contains(index);

    /// <summary>Saturating at 0, and at most at the upper end of a range, does what Relu and Clip from 0 on do.</summary>
    private static bool IsRedundant(Node node) =>
        node.Is("Relu")
        || (node.Is("Clip")
            && node.Input(1) is { IsConstant: true, Constant: { ElementCount: 1, Type: ElementType.Float } min } && min.ToFloats()[0] == 0
            && node.Input(2) is null or { IsConstant: true, Constant: { ElementCount: 1, Type: ElementType.Float } });
}
