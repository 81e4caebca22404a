using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>y = factor · x + shift for each channel.</summary>
internal sealed record ChannelArithmetic(double[] Factors, double[] Shifts);

/// <summary>A Conv, ConvTranspose or Gemm with constant weights, whose output channels can be scaled and shifted.</summary>
internal sealed class LinearLayer
{
    private readonly Node _node;
    private readonly TensorData _weights;
    private readonly int _axis;

    private LinearLayer(Node node, TensorData weights, int axis)
    {
        _node = node;
        _weights = weights;
        _axis = axis;
    }

    /// <summary>ConvTranspose keeps its weights as [in, out / group, …]: a channel is a group and an index on axis 1.</summary>
    private int Groups => _node.Is("ConvTranspose") ? (int)_node.Int("group", 1) : 1;

    private int Channels => (int)_weights.Dimensions[_axis] * Groups;

    /// <summary>Null where the node is no such layer, or something else reads what it makes.</summary>
    public static LinearLayer? Of(Node node)
    {
        int? axis = node switch
        {
            _ when node.Is("Conv") => 0,
            _ when node.Is("ConvTranspose") => 1,
            _ when node.Is("Gemm") => node.Int("transB", 0) == 1 ? 0 : 1,
            _ => null,
        };
        return axis is { } channelAxis
            && node.Output is { Consumers.Count: 1, IsGraphOutput: false }
            && node.Input(1) is { IsConstant: true, Constant: { Type: ElementType.Float } weights }
            && node.Input(2) is null or { IsConstant: true }
            && (!node.Is("Gemm") || (node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1))
            ? new(node, weights, channelAxis)
            : null;
    }

    /// <summary>A constant that is broadcast over all but the channels, as one value a channel; null for any other.</summary>
    public double[]? ChannelValues(TensorData constant)
    {
        var rank = _node.Is("Gemm") ? 2 : _weights.Rank;
        var channelAxis = constant.Rank - (rank - 1);
        var fits = constant.Rank <= rank && constant.Dimensions.Index().All(entry => entry.Item == 1 || (entry.Index == channelAxis && entry.Item == Channels));
        if (!fits)
        {
            return null;
        }

        var values = constant.ToFloats();
        return values.Length == 1 ? [.. Enumerable.Repeat((double)values[0], Channels)] : [.. values.Select(value => (double)value)];
    }

    /// <summary>Folds the arithmetic into weights and bias. False, and nothing changed, where the channels do not match.</summary>
    public bool Apply(ChannelArithmetic arithmetic)
    {
        var bias = Bias();
        if (arithmetic.Factors.Length != Channels || bias is null)
        {
            return false;
        }

        var weights = _weights.AsSpan<float>();
        var tensor = _weights.Derive<float>(_weights.Dimensions, out var scaled);
        var inner = (int)_weights.Dimensions.Skip(_axis + 1).Aggregate(1L, (product, length) => product * length);
        var length = (int)_weights.Dimensions[_axis];
        var groupSize = weights.Length / Groups;
        for (var i = 0; i < weights.Length; i++)
        {
            scaled[i] = (float)(weights[i] * arithmetic.Factors[(i / groupSize * length) + (i / inner % length)]);
        }

        var shifted = bias.Select((value, channel) => (float)((value * arithmetic.Factors[channel]) + arithmetic.Shifts[channel])).ToArray();
        var graph = _node.Graph;
        _node.SetInput(1, graph.AddInitializer(_node.Input(1)!.Name + "_scaled", tensor));
        _node.SetInput(2, graph.AddInitializer((_node.Input(2)?.Name ?? _node.Output.Name + "_bias") + "_shifted", TensorData.Vector<float>(shifted)));
        return true;
    }

    /// <summary>One value a channel, zeros where there is no bias; null where the bias is not one for each channel.</summary>
    private float[]? Bias()
    {
        if (_node.Input(2)?.Constant is not { } constant)
        {
            return new float[Channels];
        }

        var values = constant.Type == ElementType.Float ? constant.ToFloats() : [];
        return values.Length == Channels && constant.Dimensions[^1] == Channels ? values
            : values.Length == 1 ? [.. Enumerable.Repeat(values[0], Channels)] : null;
    }
}
