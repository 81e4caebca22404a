using QuantBuild.Onnx;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>Makes channels count for nothing without removing them: every layer that reads them has zeros for them.</summary>
internal static class ChannelZeroing
{
    public static Model Apply(Model model, IReadOnlyDictionary<ChannelGroup, IReadOnlySet<int>> removed)
    {
        var copy = model.Clone();
        var nodes = model.Graph.AllNodes.Zip(copy.Graph.AllNodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var (group, channels) in removed)
        {
            foreach (var slot in group.Readers)
            {
                Zero(nodes[slot.Node], slot, [.. channels.SelectMany(channel => slot.Positions[channel])]);
            }
        }

        return copy;
    }

    private static void Zero(Node node, ChannelSlot slot, HashSet<int> positions)
    {
        var weights = node.Input(slot.Input)!.Constant!;
        var inner = (int)weights.Dimensions.Skip(slot.Axis + 1).Aggregate(1L, (product, length) => product * length);
        var elements = weights.ToFloats();
        for (var i = 0; i < elements.Length; i++)
        {
            if (positions.Contains((int)(i / inner % weights.Dimensions[slot.Axis])))
            {
                elements[i] = 0;
            }
        }

        node.SetInput(slot.Input, node.Graph.AddInitializer("zeroed", TensorData.Create<float>(weights.Dimensions, elements)));
    }
}
