using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>What networks are built of. Each block takes any even number of channels and keeps its map's size even.</summary>
internal static class TinyBlocks
{
    public static IReadOnlyList<(string Name, Func<TinyNetwork, Map, Map> Build)> All { get; } =
    [
        ("a convolution", (net, map) => net.Relu(net.Conv(map, 8, 3))),
        ("BatchNormalization", (net, map) => net.Relu(net.BatchNormalization(net.Conv(map, 6)))),
        ("InstanceNormalization", (net, map) => map with { Value = net.Node("InstanceNormalization", map.Value, net.Constant(0.5f, 1, map.Channels), net.Constant(-1, 1, map.Channels)) }),
        ("a residual connection", (net, map) => net.Relu(net.Add(net.Conv(net.Relu(net.Conv(map, 6)), map.Channels, 3), map))),
        ("a concatenation", (net, map) => net.Concat(net.Conv(map, 6), net.Relu(net.Conv(map, 4, 3)), map)),
        ("a depthwise convolution", (net, map) => net.Conv(net.Relu(net.Conv(map, map.Channels, 3, map.Channels)), 8)),
        ("a depthwise convolution with two outputs a channel", (net, map) => net.Conv(map, map.Channels * 2, 3, map.Channels)),
        ("many small groups", (net, map) => net.Conv(net.Conv(map, 8), 16, 3, 4)),
        ("a few large groups", (net, map) => net.Conv(net.Conv(map, 16), 12, 3, 2)),
        ("ConvTranspose", (net, map) => net.MaxPool(net.ConvTranspose(map, 6))),
        ("a depthwise ConvTranspose", (net, map) => net.MaxPool(net.ConvTranspose(map, map.Channels, map.Channels))),
        ("ConvTranspose in large groups", (net, map) => net.MaxPool(net.ConvTranspose(net.Conv(map, 12), 8, 2))),
        ("squeeze and excitation", (net, map) => net.SqueezeExcite(map)),
        ("PRelu", (net, map) => map with { Value = net.Node("PRelu", map.Value, net.Constant(-1, 1, map.Channels, 1, 1)) }),
        ("arithmetic with constants", (net, map) => map with { Value = net.Node("Mul", net.Constant(0.5f, 2, 1, map.Channels, 1, 1), net.Node("Sub", map.Value, net.Constant(-1, 1, map.Channels, 1, 1))) }),
        ("an attention map", (net, map) => map with { Value = net.Node("Mul", map.Value, net.Node("Sigmoid", net.Conv(map, 1).Value)) }),
        ("Clip, Pad and pooling", (net, map) => net.MaxPool(Padded(net, map with { Value = net.Node("Clip", map.Value, net.Constant(-1, -1), net.Constant(1, 1)) }))),
        ("channels of zeros", ShortcutOfZeros),
        ("channels last", ChannelsLast),
        ("Split", SplitInTwo),
        ("Slice", (net, map) => net.Conv(net.Concat(MiddleHalf(net, map), map), 6)),
        ("Resize", (net, map) => net.MaxPool(map with { Value = Resized(net, map), Size = map.Size * 2 })),
        ("a mean over places", (net, map) => net.Add(map, map with { Value = Mean(net, map) })),
    ];

    /// <summary>Blocks that need all channels of what they read.</summary>
    public static IReadOnlyList<(string Name, Func<TinyNetwork, Map, Map> Build)> Normalizations { get; } =
        [("LayerNormalization", LayerNormalization), ("LayerNormalization, spelled out", NormalizationInPieces)];

    /// <summary>Over the channels of each place.</summary>
    public static Map LayerNormalization(TinyNetwork net, Map map)
    {
        var last = net.Node("Transpose", map.Value);
        last.Producer!.Set("perm", [0L, 2, 3, 1]);
        var first = net.Node("Transpose", net.Node("LayerNormalization", last, net.Constant(0.5f, 2, map.Channels), net.Constant(-1, 1, map.Channels)));
        first.Producer!.Set("perm", [0L, 3, 1, 2]);
        return map with { Value = first };
    }

    public static Map NormalizationInPieces(TinyNetwork net, Map map)
    {
        Value Mean(Value value)
        {
            var mean = net.Node("ReduceMean", value);
            mean.Producer!.Set("axes", [1L]);
            return mean;
        }

        var centred = net.Node("Sub", map.Value, Mean(map.Value));
        var deviation = net.Node("Sqrt", net.Node("Add", Mean(net.Node("Mul", centred, centred)), net.Constant(0.01f, 0.01f)));
        var scaled = net.Node("Mul", net.Node("Div", centred, deviation), net.Constant(0.5f, 2, 1, map.Channels, 1, 1));
        return map with { Value = net.Node("Add", net.Constant(-1, 1, 1, map.Channels, 1, 1), scaled) };
    }

    private static Map Padded(TinyNetwork net, Map map) => map with { Value = net.Node("Pad", map.Value, net.Longs(0, 0, 1, 1, 0, 0, 1, 1)), Size = map.Size + 2 };

    /// <summary>As in a CIFAR ResNet with shortcuts of type A.</summary>
    private static Map ShortcutOfZeros(TinyNetwork net, Map map)
    {
        var padded = map with { Value = net.Node("Pad", map.Value, net.Longs(0, 2, 0, 0, 0, 2, 0, 0)), Channels = map.Channels + 4 };
        return net.Add(net.Conv(map, padded.Channels, 3), padded);
    }

    /// <summary>A product over the last axis, between two transpositions.</summary>
    private static Map ChannelsLast(TinyNetwork net, Map map)
    {
        var last = net.Node("Transpose", map.Value);
        last.Producer!.Set("perm", [0L, 2, 3, 1]);
        var product = net.Node("Add", net.Node("MatMul", last, net.Constant(-0.5f, 0.5f, map.Channels, 8)), net.Constant(-1, 1, 8));
        var first = net.Node("Transpose", product);
        first.Producer!.Set("perm", [0L, 3, 1, 2]);
        return map with { Value = first, Channels = 8 };
    }

    private static Map SplitInTwo(TinyNetwork net, Map map)
    {
        var split = net.Graph.AddNode("Split", [map.Value, net.Longs(2, map.Channels - 2)], [net.Graph.AddValue("left"), net.Graph.AddValue("right")]).Set("axis", 1L);
        var (left, right) = (new Map(split.Outputs[0]!, 2, map.Size), new Map(split.Outputs[1]!, map.Channels - 2, map.Size));
        return net.Concat(right, net.Conv(left, 4));
    }

    private static Map MiddleHalf(TinyNetwork net, Map map) =>
        map with { Value = net.Node("Slice", map.Value, net.Longs(3 - map.Channels), net.Longs(3 + (map.Channels / 2)), net.Longs(1)), Channels = map.Channels / 2 };

    private static Value Resized(TinyNetwork net, Map map)
    {
        var shape = net.Node("Shape", map.Value);
        var kept = net.Node("Slice", shape, net.Longs(0), net.Longs(2));
        var sizes = net.Node("Concat", kept, net.Longs(map.Size * 2, map.Size * 2));
        sizes.Producer!.Set("axis", 0L);
        return net.Node("Resize", map.Value, null, null, sizes);
    }

    private static Value Mean(TinyNetwork net, Map map)
    {
        var mean = net.Node("ReduceMean", map.Value);
        mean.Producer!.Set("axes", [2L, 3]);
        return mean;
    }
}
