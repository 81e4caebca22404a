using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that read channels with constant weights and make others.</summary>
internal static class LinearChannels
{
    private const int Weights = 1;
    private const int Bias = 2;

    /// <summary>Nothing could make up for what is removed.</summary>
    private const string OtherType = "does not compute in single precision";

    /// <summary>
    /// Conv keeps its weights as [out, in / group, …], ConvTranspose as [in, out / group, …]. With groups, a channel is what leaves equal groups behind: a whole
    /// group, as in a depthwise convolution, or, where there are fewer groups than inputs of one, the channels of the same number in all of them.
    /// </summary>
    public static string? Convolution(Node node, ChannelWalk walk)
    {
        if (node.Input(Weights) is not { IsConstant: true, Constant: { Rank: > 2 } weights })
        {
            return "computes its weights at run time";
        }

        if (weights.Type != ElementType.Float)
        {
            return OtherType;
        }

        var groups = (int)node.Int("group", 1);
        var isTransposed = node.Is("ConvTranspose");
        var (outer, inner) = (weights.Dimensions[0], weights.Dimensions[1] * groups);
        var inputCount = isTransposed ? outer : inner;
        var inputs = Inputs(node, walk, 1, inputCount);
        var outputs = walk.Coupling.Fresh(isTransposed ? inner : outer);
        if (groups > 1 && groups >= inputCount / groups)
        {
            PassGroups(node, walk, inputs, outputs);
        }
        else
        {
            walk.Coupling.UniteEvery(outputs.Length / groups, outputs);
            walk.Coupling.UniteEvery((int)inputCount / groups, inputs);
            AddWeights(node, walk, inputs, outputs, isTransposed ? 1 : 0);
        }

        Finish(node, walk, outputs, 1);
        return null;
    }

    public static string? Product(Node node, ChannelWalk walk)
    {
        if (node.Input(Weights) is not { IsConstant: true, Constant: { Rank: 2 } weights })
        {
            return "has no constant matrix as its weights";
        }

        if (weights.Type != ElementType.Float)
        {
            return OtherType;
        }

        var outputAxis = node.Int("transB", 0) == 1 ? 0 : 1;
        var outputs = walk.Coupling.Fresh(weights.Dimensions[outputAxis]);
        var inputs = walk.ShapeOf(node.Input(0)) is { } shape ? Inputs(node, walk, node.Int("transA", 0) == 1 ? 0 : shape.Length - 1, weights.Dimensions[1 - outputAxis]) : [];
        AddWeights(node, walk, inputs, outputs, outputAxis);
        if (walk.ShapeOf(node.Output) is { } made)
        {
            Finish(node, walk, outputs, made.Length - 1);
        }
        else
        {
            walk.Coupling.Keep(outputs, $"no sample shows the shapes around {node}");
        }

        return null;
    }

    /// <summary>Empty where the node reads no channels that are followed.</summary>
    private static ImmutableArray<int> Inputs(Node node, ChannelWalk walk, int axis, long count)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return [];
        }

        if (channels.Axis == axis && channels.Labels.Length == count)
        {
            return channels.Labels;
        }

        walk.Coupling.Keep(channels.Labels, $"{node} reads them along another axis");
        return [];
    }

    private static void AddWeights(Node node, ChannelWalk walk, ImmutableArray<int> inputs, ImmutableArray<int> outputs, int outputAxis)
    {
        var dimensions = node.Input(Weights)!.Constant!.Dimensions;
        walk.Slots.Add(new(SlotRole.Producer, node, Weights, outputAxis, outputs[..(int)dimensions[outputAxis]]));
        if (inputs.Length > 0)
        {
            walk.Slots.Add(new(SlotRole.Reader, node, Weights, 1 - outputAxis, inputs[..(int)dimensions[1 - outputAxis]]));
        }
    }

    /// <summary>The inputs and the outputs of a group are one channel, which the node hands on; it makes them where the inputs are not followed.</summary>
    private static void PassGroups(Node node, ChannelWalk walk, ImmutableArray<int> followed, ImmutableArray<int> outputs)
    {
        var (groups, isTransposed) = ((int)node.Int("group", 1), node.Is("ConvTranspose"));
        var weights = node.Input(Weights)!.Constant!.Dimensions;
        var inputs = followed.Length > 0 ? followed
            : walk.Fixed(isTransposed ? weights[0] : weights[1] * groups, $"{node} makes them of channels that are not made by constant weights");
        var (inputsOfGroup, outputsOfGroup) = (inputs.Length / groups, outputs.Length / groups);
        walk.Coupling.UniteRuns(inputsOfGroup, inputs);
        walk.Coupling.UniteRuns(outputsOfGroup, outputs);
        for (var group = 0; group < groups; group++)
        {
            walk.Coupling.Unite(inputs[group * inputsOfGroup], outputs[group * outputsOfGroup]);
        }

        walk.Slots.Add(new(followed.Length > 0 ? SlotRole.Parameter : SlotRole.Producer, node, Weights, 0, isTransposed ? inputs : outputs));
        walk.Adaptations.Add(new(node, outputs, (copy, isKept) => copy.Set("group", (long)(outputs.Count(isKept) / outputsOfGroup))));
    }

    private static void Finish(Node node, ChannelWalk walk, ImmutableArray<int> outputs, int axis)
    {
        if (node.Input(Weights)!.Consumers.Count > 1)
        {
            var labels = walk.AxisOf(node.Input(0))?.Labels ?? [];
            walk.Coupling.Keep(outputs.Concat(labels), $"'{node.Input(Weights)}' is read by {node} and by others");
        }

        switch (node.Input(Bias))
        {
            case { IsConstant: true, Constant: { Rank: > 0 } bias } when bias.Dimensions[^1] == outputs.Length:
                walk.Slots.Add(new(SlotRole.Parameter, node, Bias, bias.Rank - 1, outputs));
                break;
            case { IsConstant: false }:
                walk.Coupling.Keep(outputs, $"{node} has a bias that is computed at run time");
                break;
        }

        walk.Set(node.Output, axis, outputs);
    }
}
