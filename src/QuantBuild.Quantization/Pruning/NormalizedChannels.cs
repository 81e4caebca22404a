using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Rules of normalizations over channels, as one operator or spelled out. What goes in has to stay whole; what comes out has channels of its own, each in proportion to its factor.
/// </summary>
internal static class NormalizedChannels
{
    private const int Scale = 1;
    private const int Bias = 2;

    public static string? Normalize(Node node, ChannelWalk walk)
    {
        walk.Coupling.Keep(walk.AxisOf(node.Input(0))?.Labels ?? [], $"{node} normalizes over them");
        if (walk.ShapeOf(node.Output) is not { Length: > 0 } shape || node.Int("axis", -1) is var axis && axis != -1 && axis != shape.Length - 1
            || !IsVector(node.Input(Scale), shape[^1]) || (node.Input(Bias) is { } bias && !IsVector(bias, shape[^1])))
        {
            return null;
        }

        var labels = Begin(node, Scale, 0, shape[^1], walk);
        if (node.Input(Bias) is not null)
        {
            walk.Slots.Add(new(SlotRole.Parameter, node, Bias, 0, labels));
        }

        walk.Set(node.Output, shape.Length - 1, labels);
        return null;
    }

    /// <summary>True for a Mul with constant factors for channels that have to stay, or that nothing is known of; what it makes has channels of its own then.</summary>
    public static bool Multiply(Node node, ChannelWalk walk)
    {
        var factors = node.Inputs.ToList().FindIndex(value => value is { IsConstant: true, Constant.Type: ElementType.Float });
        if (!node.Is("Mul") || factors < 0 || walk.ShapeOf(node.Output) is not { Length: > 0 } shape)
        {
            return false;
        }

        var operand = node.Input(1 - factors);
        var (axis, constant) = (shape.Length - 1, node.Input(factors)!.Constant!);
        if (walk.AxisOf(operand) is { } channels)
        {
            axis = channels.Axis + shape.Length - walk.ShapeOf(operand)!.Value.Length;
            if (channels.Labels.Any(label => walk.Coupling.ReasonOf(label) is null))
            {
                return false;
            }
        }
        else if (constant.Rank != 1)
        {
            return false;
        }

        var own = axis - shape.Length + constant.Rank;
        if (own < 0 || shape[axis] < 2 || constant.Dimensions[own] != shape[axis])
        {
            return false;
        }

        walk.Set(node.Output, axis, Begin(node, factors, own, shape[axis], walk));
        return true;
    }

    private static ImmutableArray<int> Begin(Node node, int input, int axis, long count, ChannelWalk walk)
    {
        var labels = walk.Coupling.Fresh(count);
        walk.Slots.Add(new(SlotRole.Factor, node, input, axis, labels));
        return labels;
    }

    private static bool IsVector(Value? value, long count) => value is { IsConstant: true, Constant: { Type: ElementType.Float, Rank: 1 } constant } && constant.ElementCount == count;
}
