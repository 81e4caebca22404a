using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Rules of the operators that exporters compute shapes with.</summary>
internal static class ShapeArithmetic
{
    public static string? Shape(Node node, ChannelWalk walk)
    {
        if (walk.ShapeOf(node.Input(0)) is not { } shape)
        {
            return "counts them";
        }

        var elements = new ShapeElement?[shape.Length];
        if (walk.AxisOf(node.Input(0)) is { } channels)
        {
            elements[channels.Axis] = new ChannelCount(channels.Labels);
        }

        walk.Shapes.Set(node.Output, elements[Bound(node.Int("start", 0))..Bound(node.Int("end", shape.Length))]);
        return null;

        int Bound(long axis) => (int)Math.Clamp(axis < 0 ? axis + shape.Length : axis, 0, shape.Length);
    }

    public static string? Pass(Node node, ChannelWalk walk) => Pick(node, walk, elements => elements);

    public static string? Concat(Node node, ChannelWalk walk)
    {
        var parts = node.Inputs.Select((_, index) => walk.Shapes.Of(node, index)).ToArray();
        if (parts.Any(part => part.IsDefault))
        {
            return "joins shapes of unknown length";
        }

        walk.Shapes.Set(node.Output, parts.SelectMany(part => part));
        return null;
    }

    public static string? Gather(Node node, ChannelWalk walk) => node.Input(1) is { IsConstant: true, Constant: { } indices }
        ? Pick(node, walk, elements => indices.ToLongs().Select(index => elements[(int)(index < 0 ? index + elements.Length : index)]))
        : "picks elements of a shape at run time";

    public static string? Slice(Node node, ChannelWalk walk) => SliceBounds.Of(node, 0, walk) is { } bounds
        ? Pick(node, walk, elements => elements[bounds.Start..bounds.End])
        : "picks elements of a shape at run time";

    private static string? Pick(Node node, ChannelWalk walk, Func<ImmutableArray<ShapeElement?>, IEnumerable<ShapeElement?>> pick)
    {
        if (walk.Shapes.Of(node, 0) is not { IsDefault: false } elements)
        {
            return "takes a shape of unknown length";
        }

        walk.Shapes.Set(node.Output, pick(elements));
        return null;
    }
}
