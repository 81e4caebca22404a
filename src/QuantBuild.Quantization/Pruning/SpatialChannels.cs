using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that work on each channel of a feature map by itself.</summary>
internal static class SpatialChannels
{
    private const int ChannelAxisOfMaps = 1;

    public static string? Pool(Node node, ChannelWalk walk) => walk.AxisOf(node.Input(0)) switch
    {
        null => null,
        { Axis: not ChannelAxisOfMaps } => "pools over them",
        var channels => Pass(node, walk, channels),
    };

    /// <param name="node">Its inputs from the second on have one element a channel.</param>
    /// <param name="walk">Where channels are followed.</param>
    /// <param name="parameters">How many of those there are.</param>
    public static string? Normalize(Node node, ChannelWalk walk, int parameters)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        var inputs = Enumerable.Range(1, parameters).ToArray();
        if (channels.Axis != ChannelAxisOfMaps)
        {
            return "normalizes over them";
        }

        if (node.Int("training_mode", 0) != 0 || inputs.Any(input => node.Input(input) is not { IsConstant: true }))
        {
            return "normalizes them with what is computed at run time";
        }

        walk.Slots.AddRange(inputs.Select(input => new LabelledSlot(SlotRole.Parameter, node, input, 0, channels.Labels)));
        return Pass(node, walk, channels);
    }

    public static string? Reduce(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return null;
        }

        if (walk.ShapeOf(node.Input(0)) is not { } shape || AxesOf(node) is not { Length: > 0 } given)
        {
            return "reduces along unknown axes";
        }

        int[] axes = [.. given.Select(axis => (int)(axis < 0 ? axis + shape.Length : axis))];
        if (axes.Contains(channels.Axis))
        {
            return "reduces them to one";
        }

        var gone = node.Int("keepdims", 1) == 1 ? 0 : axes.Count(axis => axis < channels.Axis);
        return Pass(node, walk, channels with { Axis = channels.Axis - gone });
    }

    /// <summary>Along other axes than the channels'.</summary>
    public static string? Resize(Node node, ChannelWalk walk)
    {
        if (walk.AxisOf(node.Input(0)) is not { } channels)
        {
            return walk.Shapes.Unfollowed(node.Input(3));
        }

        if (node.Ints("axes") is { IsDefault: false } axes)
        {
            return axes.All(axis => axis > channels.Axis) ? Pass(node, walk, channels) : "may resize them";
        }

        var keepsCount = node.Input(3) is null
            ? node.Input(2) is { IsConstant: true, Constant: { } scales } && scales.ToFloats() is var factors && channels.Axis < factors.Length && factors[channels.Axis] == 1
            : walk.Shapes.Bind(new(node, 3), channels.Axis, channels.Labels, _ => false);
        return keepsCount ? Pass(node, walk, channels) : "may resize them";
    }

    private static string? Pass(Node node, ChannelWalk walk, ChannelAxis channels)
    {
        walk.Set(node.Output, channels.Axis, channels.Labels);
        return null;
    }

    private static long[]? AxesOf(Node node) => node.Input(1) switch
    {
        null => node.Ints("axes") is { IsDefault: false } axes ? [.. axes] : null,
        { IsConstant: true, Constant: { } constant } => [.. constant.ToLongs()],
        _ => null,
    };
}
