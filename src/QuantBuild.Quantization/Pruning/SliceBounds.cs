using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>What a Slice leaves of an axis; <paramref name="Entry"/> is the axis' place in the lists of bounds, −1 where it leaves all.</summary>
internal sealed record SliceBounds(int Start, int End, int Entry)
{
    /// <summary>Null where the bounds are computed at run time or leave out positions in between.</summary>
    public static SliceBounds? Of(Node node, int axis, ChannelWalk walk)
    {
        if (walk.ShapeOf(node.Input(0)) is not { } shape || axis >= shape.Length || node.Inputs.Skip(1).Any(value => value is { IsConstant: false }) || node.Input(2) is null)
        {
            return null;
        }

        var (starts, ends) = (node.Input(1)!.Constant!.ToLongs(), node.Input(2)!.Constant!.ToLongs());
        var axes = node.Input(3)?.Constant!.ToLongs() ?? [.. Enumerable.Range(0, starts.Length).Select(index => (long)index)];
        var entry = axes.Select(other => other < 0 ? other + shape.Length : other).ToList().IndexOf(axis);
        if (entry < 0)
        {
            return new(0, (int)shape[axis], -1);
        }

        var isWhole = node.Input(4) is not { } steps || steps.Constant!.ToLongs()[entry] == 1;
        var (start, end) = (Clamp(starts[entry], shape[axis]), Clamp(ends[entry], shape[axis]));
        return isWhole && start < end ? new(start, end, entry) : null;
    }

    private static int Clamp(long bound, long length) => (int)Math.Clamp(bound < 0 ? bound + length : bound, 0, length);
}
