using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>From a feature map to the output of a network, by the ways in which exporters write it.</summary>
internal static class TinyHeads
{
    public static IReadOnlyList<(string Name, Func<TinyNetwork, Map, Value> Build)> All { get; } =
    [
        ("Flatten", (net, map) => Gemm(net, net.Node("Flatten", map.Value), map)),
        ("Flatten of channels last", (net, map) => Gemm(net, net.Node("Flatten", ChannelsLast(net, map)), map)),
        ("Reshape by a constant", (net, map) => Gemm(net, net.Node("Reshape", map.Value, net.Longs(-1, map.Channels * map.Size * map.Size)), map)),
        ("Reshape by a copied and an open length", (net, map) => Gemm(net, net.Node("Reshape", map.Value, net.Longs(0, -1)), map)),
        ("Reshape by the batch and a constant", (net, map) => Gemm(net, net.Node("Reshape", map.Value, Target(net, map, net.Longs(0), net.Longs(map.Channels * map.Size * map.Size))), map)),
        ("Reshape by the shape's own channels", (net, map) =>
        {
            var rows = net.Node("Reshape", map.Value, Target(net, map, net.Longs(0, 1), net.Longs(map.Size * map.Size)));
            return net.Gemm(net.Node("Squeeze", Mean(net, rows), net.Longs(2)), map.Channels, 5);
        }),
        ("a global average", (net, map) => net.Gemm(net.Node("Squeeze", net.Node("GlobalAveragePool", map.Value), net.Longs(2, 3)), map.Channels, 5)),
    ];

    private static Value Gemm(TinyNetwork net, Value rows, Map map) => net.Gemm(rows, map.Channels * map.Size * map.Size, 5);

    private static Value ChannelsLast(TinyNetwork net, Map map)
    {
        var last = net.Node("Transpose", map.Value);
        last.Producer!.Set("perm", [0L, 2, 3, 1]);
        return last;
    }

    private static Value Mean(TinyNetwork net, Value rows)
    {
        var mean = net.Node("ReduceMean", rows);
        mean.Producer!.Set("axes", [2L]);
        return mean;
    }

    /// <summary>These lengths of the map, then others.</summary>
    private static Value Target(TinyNetwork net, Map map, Value taken, Value others)
    {
        var target = net.Node("Concat", net.Node("Gather", net.Node("Shape", map.Value), taken), others);
        target.Producer!.Set("axis", 0L);
        return target;
    }
}
