using System.Collections.Immutable;
using QuantBuild.Onnx;
using static QuantBuild.Quantization.Passes.Opsets.NodeEdits;

namespace QuantBuild.Quantization.Passes.Opsets;

internal static class NormalizationAdapters
{
    /// <summary>Those of a BatchNormalization that trains: y and the running mean and variance.</summary>
    private const int Outputs = 3;

    /// <summary>Without spatial, which opset 9 no longer has, each position had statistics of its own: plain arithmetic, broadcast over the batch.</summary>
    public static bool DropSpatial(Node node, InferredTypes types)
    {
        if (node.Int("spatial", 1) != 0)
        {
            return Drop(node, "spatial");
        }

        if (Trains(node))
        {
            return false;
        }

        var epsilon = Constant(node, "epsilon", Scalar(node.Float("epsilon", 1e-5f), types.TypeOf(node.Input(0))));
        var deviation = Before(node, "Sqrt", "deviation", Before(node, "Add", "variance", node.Input(4), epsilon));
        var normal = Before(node, "Div", "normal", Before(node, "Sub", "centered", node.Input(0), node.Input(3)), deviation);
        node.Graph.Replace(node, "Add", [Before(node, "Mul", "scaled", normal, node.Input(1)), node.Input(2)]);
        return true;
    }

    /// <summary>
    /// That a BatchNormalization trains was told by its outputs before opset 14, and is an attribute since; the statistics of the batch alone are
    /// no longer given.
    /// </summary>
    public static bool SpellTraining(Node node)
    {
        if (!Trains(node))
        {
            return true;
        }

        if (node.Outputs.Skip(Outputs).Any(IsUsed))
        {
            return false;
        }

        var graph = node.Graph;
        var hint = node.Output.Name;
        var trained = graph.AddNode(node.OpType, [.. node.Inputs], [.. Enumerable.Range(0, Outputs).Select(_ => graph.AddValue(hint))], node);
        trained.Name = node.Name;
        foreach (var attribute in node.Attributes.Values)
        {
            trained.Set(attribute);
        }

        trained.Set("training_mode", 1L);
        foreach (var (before, after) in node.Outputs.Zip(trained.Outputs).Where(pair => pair.First is not null))
        {
            before!.ReplaceAllUsesWith(after!);
        }

        graph.Remove(node);
        return true;
    }

    /// <summary>ONNX Runtime's own first version was for NCHW images: over batch and plane, or over the channels too.</summary>
    public static bool ChannelsToAxes(Node node)
    {
        ImmutableArray<long> axes = node.Int("across_channels", 0) == 0 ? [0, 2, 3] : [0, 1, 2, 3];
        if (node.Int("normalize_variance", 1) == 0)
        {
            var mean = Before(node, "ReduceMean", "mean", node.Input(0));
            mean.Producer!.Set("axes", axes);
            node.Graph.Replace(node, "Sub", [node.Input(0), mean]);
            return true;
        }

        node.Set("axes", axes);
        return Drop(node, "across_channels", "normalize_variance");
    }

    /// <summary>Scale and bias, one a group before opset 21, become one a channel.</summary>
    public static bool GroupsToChannels(Node node)
    {
        var groups = Constant(node, "groups", TensorData.Vector(node.Int("num_groups", 1)));
        var channels = Before(node, "Shape", "channels", node.Input(0));
        channels.Producer!.Set("start", 1L).Set("end", 2L);
        var grid = Before(node, "Concat", "grid", groups, Before(node, "Div", "repeats", channels, groups));
        grid.Producer!.Set("axis", 0L);
        foreach (var (index, name) in new[] { (1, "scale"), (2, "bias") })
        {
            var column = Before(node, "Unsqueeze", name + "_column", node.Input(index), Constant(node, name + "_axis", TensorData.Vector(1L)));
            var repeated = Before(node, "Expand", name + "_repeated", column, grid);
            node.SetInput(index, Before(node, "Reshape", name + "_channels", repeated, channels));
        }

        return true;
    }

    private static bool Trains(Node node) => node.Outputs.Skip(1).Any(output => output is not null);
}
