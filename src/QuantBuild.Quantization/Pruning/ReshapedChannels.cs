using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that keep all elements in their order.</summary>
internal static class ReshapedChannels
{
    public static string? Reshape(Node node, ChannelWalk walk) => walk.AxisOf(node.Input(0)) is null ? walk.Shapes.Unfollowed(node.Input(1)) : Follow(node, walk, (before, after) =>
        walk.Shapes.Bind(new(node, 1), after.Axis, after.Labels, length =>
            length == -1 || (length == 0 && node.Int("allowzero", 0) == 0 && before.Axis == after.Axis && before.Labels.Length == after.Labels.Length)));

    /// <summary>Flatten, Squeeze and Unsqueeze state no lengths.</summary>
    public static string? Regroup(Node node, ChannelWalk walk) => Follow(node, walk, (_, _) => true);

    private static string? Follow(Node node, ChannelWalk walk, Func<ChannelAxis, ChannelAxis, bool> bind)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        if (walk.ShapeOf(node.Input(0)) is not { } from || walk.ShapeOf(node.Output) is not { } to)
        {
            return "has an unknown shape";
        }

        if (After(from, to, channels) is not { } after)
        {
            return "divides them over several axes";
        }

        if (!bind(channels, after))
        {
            return "takes a shape that is not certain to hold with fewer of them";
        }

        walk.Set(node.Output, after.Axis, after.Labels);
        return null;
    }

    /// <summary>
    /// Where axes are merged, as by a Flatten, a label is repeated for every position of the axes behind it. Null where no axis alone tells the channel.
    /// </summary>
    private static ChannelAxis? After(ImmutableArray<long> from, ImmutableArray<long> to, ChannelAxis channels)
    {
        if (Block(from, to, channels.Axis) is not var (before, after))
        {
            return null;
        }

        var labels = new int[before.Aggregate(1L, (product, axis) => product * from[axis])];
        var inner = Inner(from, before, channels.Axis);
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = channels.Labels[(int)(i / inner % channels.Labels.Length)];
        }

        return after.Select(axis => Along(labels, axis, to[axis], Inner(to, after, axis))).FirstOrDefault(found => found is not null);
    }

    /// <summary>Null where the label is not the same wherever the position on the axis is.</summary>
    private static ChannelAxis? Along(int[] labels, int axis, long length, long inner)
    {
        ImmutableArray<int> along = [.. Enumerable.Range(0, (int)length).Select(position => labels[position * inner])];
        return labels.Index().All(entry => entry.Item == along[(int)(entry.Index / inner % length)]) ? new(axis, along) : null;
    }

    /// <summary>How many elements of the block a step along the axis passes.</summary>
    private static long Inner(ImmutableArray<long> shape, IEnumerable<int> block, int axis) =>
        block.Where(other => other > axis).Aggregate(1L, (product, other) => product * shape[other]);

    /// <summary>The smallest runs of axes on both sides that hold the same elements, the given one among them.</summary>
    private static (int[] Before, int[] After)? Block(ImmutableArray<long> from, ImmutableArray<long> to, int axis)
    {
        var (i, j) = (0, 0);
        while (i < from.Length && j < to.Length)
        {
            var (firstBefore, firstAfter) = (i, j);
            var (before, after) = (from[i++], to[j++]);
            while (before != after && (before < after ? i < from.Length : j < to.Length))
            {
                _ = before < after ? before *= from[i++] : after *= to[j++];
            }

            if (axis < i)
            {
                return before == after && before > 0 ? ([.. Enumerable.Range(firstBefore, i - firstBefore)], [.. Enumerable.Range(firstAfter, j - firstAfter)]) : null;
            }
        }

        return null;
    }
}
