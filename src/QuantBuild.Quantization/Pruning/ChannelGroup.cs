using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Channels that the same layers make and the same layers read. A channel is all that has to be removed together: an output channel of one layer, those
/// that residual connections add to it, one or many rows of the layers that read them.
/// </summary>
/// <param name="Name">Of the first layer that makes the channels; a number tells groups of the same layer apart.</param>
/// <param name="Labels">One for each channel.</param>
internal sealed record ChannelGroup(string Name, ImmutableArray<int> Labels)
{
    public int Count => Labels.Length;

    /// <summary>Why no channel can be removed, in words that complete "it keeps its channels because …"; null where all but one can.</summary>
    public string? Reason { get; init; }

    /// <summary>Output channels of weights.</summary>
    public ImmutableArray<ChannelSlot> Producers { get; init; }

    /// <summary>Biases, normalizations, slopes, constant operands and the weights of depthwise convolutions.</summary>
    public ImmutableArray<ChannelSlot> Parameters { get; init; }

    /// <summary>Input channels of weights: what is zero there makes a channel count for nothing.</summary>
    public ImmutableArray<ChannelSlot> Readers { get; init; }
}

/// <summary>
/// Where channels lie in a constant, which is input number <paramref name="Input"/> of the node: <paramref name="Positions"/> on the axis, for each channel of
/// the group. A layer behind a Flatten has many for a channel, one behind a Concat those of several groups.
/// </summary>
internal sealed record ChannelSlot(Node Node, int Input, int Axis, ImmutableArray<ImmutableArray<int>> Positions);
