using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that reorder, join and divide tensors.</summary>
internal static class MovedChannels
{
    public static string? Transpose(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        if (walk.ShapeOf(node.Output) is not { } shape)
        {
            return "has an unknown shape";
        }

        var axis = node.Ints("perm") is { IsDefault: false } order ? order.IndexOf(channels.Axis) : shape.Length - 1 - channels.Axis;
        walk.Set(node.Output, axis, channels.Labels);
        return null;
    }

    /// <summary>Along the channels it joins them; along another axis all inputs have the same ones.</summary>
    public static string? Concat(Node node, ChannelWalk walk)
    {
        ChannelAxis[] followed = [.. node.Inputs.Select(walk.AxisOf).OfType<ChannelAxis>()];
        if (followed.Length == 0)
        {
            return null;
        }

        if (followed.Select(channels => channels.Axis).Distinct().ToArray() is not [var axis] || walk.ShapeOf(node.Output) is not { } made)
        {
            return "has channels along several axes";
        }

        if (node.Inputs.Any(value => walk.ShapeOf(value) is null))
        {
            return "has inputs of unknown shape";
        }

        ImmutableArray<int>[] labels =
        [
            .. node.Inputs.Select(value => walk.AxisOf(value)?.Labels
                ?? walk.Fixed(walk.ShapeOf(value)!.Value[axis], $"{node} joins them with '{value}', whose channels are not made by constant weights")),
        ];
        var joined = AxisOf(node, made.Length, 1);
        if (joined != axis)
        {
            Array.ForEach(labels, others => walk.Coupling.Unite(labels[0], others));
        }

        walk.Set(node.Output, axis, joined == axis ? [.. labels.SelectMany(part => part)] : labels[0]);
        return null;
    }

    public static string? Split(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        var shapes = node.Outputs.Select(walk.ShapeOf).ToArray();
        if (shapes.Any(shape => shape is null) || node.Input(1) is { IsConstant: false })
        {
            return "has parts of unknown length";
        }

        var axis = channels.Axis;
        if (AxisOf(node, shapes[0]!.Value.Length, 0) != axis)
        {
            Array.ForEach([.. node.Outputs], output => walk.Set(output!, axis, channels.Labels));
            return null;
        }

        var parts = new List<ImmutableArray<int>>();
        foreach (var (output, shape) in node.Outputs.Zip(shapes))
        {
            parts.Add(channels.Labels.Slice(parts.Sum(part => part.Length), (int)shape!.Value[axis]));
            walk.Set(output!, axis, parts[^1]);
        }

        walk.Adaptations.Add(new(node, channels.Labels, (copy, isKept) => SetLengths(copy, [.. parts.Select(part => (long)part.Count(isKept))], walk.Opset)));
        return null;
    }

    public static string? Slice(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        if (SliceBounds.Of(node, channels.Axis, walk) is not var (start, end, entry))
        {
            return "takes some of them, in a way that is not followed";
        }

        if (entry >= 0)
        {
            var (before, within) = (channels.Labels[..start], channels.Labels[start..end]);
            walk.Adaptations.Add(new(node, channels.Labels, (copy, isKept) =>
            {
                var first = before.Count(isKept);
                ConstantInput.Change(copy, 1, starts => starts.SetItem(entry, first));
                ConstantInput.Change(copy, 2, ends => ends.SetItem(entry, first + within.Count(isKept)));
            }));
        }

        walk.Set(node.Output, channels.Axis, channels.Labels[start..end]);
        return null;
    }

    /// <summary>Channels of a constant that it adds are channels like others: they go where those go that they are added to.</summary>
    public static string? Pad(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        if (node.Input(1) is not { IsConstant: true, Constant: { } constant } || node.Input(3) is not null)
        {
            return "pads by lengths that are computed at run time or stand for some axes";
        }

        var pads = constant.ToLongs();
        var (begin, end) = (channels.Axis, channels.Axis + (pads.Length / 2));
        if (pads[begin] < 0 || pads[end] < 0 || (pads[begin] + pads[end] > 0 && node.Text("mode", "constant") != "constant"))
        {
            return "pads them with others of their own";
        }

        var (first, last) = (walk.Coupling.Fresh(pads[begin]), walk.Coupling.Fresh(pads[end]));
        if (first.Length + last.Length > 0)
        {
            walk.Adaptations.Add(new(node, [.. first, .. last], (copy, isKept) =>
                ConstantInput.Change(copy, 1, lengths => lengths.SetItem(begin, first.Count(isKept)).SetItem(end, last.Count(isKept)))));
        }

        walk.Set(node.Output, channels.Axis, [.. first, .. channels.Labels, .. last]);
        return null;
    }

    private static int AxisOf(Node node, int rank, int fallback) => (int)node.Int("axis", fallback) is var axis && axis < 0 ? axis + rank : axis;

    /// <summary>The lengths became an input with opset 13.</summary>
    private static void SetLengths(Node node, ImmutableArray<long> lengths, long opset)
    {
        if (opset < 13)
        {
            node.Set("split", lengths);
        }
        else if (node.Input(1) is not null)
        {
            ConstantInput.Change(node, 1, _ => lengths);
        }
        else
        {
            node.RemoveAttribute("num_outputs");
            node.SetInput(1, node.Graph.AddInitializer($"{node.Output}_lengths", TensorData.Vector<long>([.. lengths])));
        }
    }
}
