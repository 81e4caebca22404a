using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that compute each element from those at its place.</summary>
internal static class ElementwiseChannels
{
    public static string? OneOperand(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is { } channels)
        {
            walk.Set(node.Output, channels.Axis, channels.Labels);
        }

        return null;
    }

    /// <summary>Operands with as many channels have the same ones; what is broadcast along channels has to stay whole.</summary>
    public static string? ManyOperands(Node node, ChannelWalk walk)
    {
        if (NormalizedChannels.Multiply(node, walk))
        {
            return null;
        }

        Value[] operands = [.. node.Inputs.OfType<Value>()];
        Value[] followed = [.. operands.Where(value => walk.AxisOf(value) is not null)];
        if (followed.Length == 0)
        {
            return null;
        }

        if (operands.Any(value => walk.ShapeOf(value) is null))
        {
            return "has operands of unknown shape";
        }

        if (followed.Select(FromEnd).Distinct().ToArray() is not [var fromEnd])
        {
            return "has channels along several axes";
        }

        var count = operands.Max(Count);
        foreach (var value in followed.Where(value => Count(value) < count))
        {
            walk.Coupling.Keep(walk.AxisOf(value)!.Labels, $"{node} broadcasts them");
        }

        if (followed.FirstOrDefault(value => Count(value) == count) is { } whole)
        {
            Couple(node, walk, walk.AxisOf(whole)!.Labels, fromEnd);
            walk.Set(node.Output, operands.Max(value => walk.ShapeOf(value)!.Value.Length) - fromEnd, walk.AxisOf(whole)!.Labels);
        }

        return null;

        int FromEnd(Value value) => walk.ShapeOf(value)!.Value.Length - walk.AxisOf(value)!.Axis;
        long Count(Value value) => walk.ShapeOf(value)!.Value is var shape && shape.Length < fromEnd ? 1 : shape[^fromEnd];
    }

    private static void Couple(Node node, ChannelWalk walk, ImmutableArray<int> labels, int fromEnd)
    {
        foreach (var (index, value) in node.Inputs.Index())
        {
            if (value is null || walk.ShapeOf(value) is not { } shape || shape.Length < fromEnd || shape[^fromEnd] != labels.Length)
            {
                if (labels.Length > 1 && IsOpen(value, fromEnd))
                {
                    walk.Coupling.Keep(labels, $"{node} joins them with the input '{value}', which may have as many");
                }

                continue;
            }

            if (walk.AxisOf(value) is { } channels)
            {
                walk.Coupling.Unite(labels, channels.Labels);
            }
            else if (labels.Length > 1 && value.IsConstant)
            {
                walk.Slots.Add(new(SlotRole.Parameter, node, index, shape.Length - fromEnd, labels));
            }
            else if (labels.Length > 1)
            {
                walk.Coupling.Keep(labels, $"{node} joins them with those of '{value}', which are not made by constant weights");
            }
        }
    }

    /// <summary>True for an input of the model that other samples may not leave to be broadcast, as those did that the shapes are known from.</summary>
    private static bool IsOpen(Value? value, int fromEnd) =>
        value is { IsGraphInput: true, IsConstant: false } && (value.DeclaredShape.IsDefault || (value.DeclaredShape.Length >= fromEnd && value.DeclaredShape[^fromEnd] is null));
}
