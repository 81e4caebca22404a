using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>An element of a shape that is computed in the graph.</summary>
internal abstract record ShapeElement;

/// <summary>Element number <paramref name="Index"/> of the constant that is read at <paramref name="Place"/>.</summary>
internal sealed record ShapeLiteral(long Value, Use Place, int Index) : ShapeElement;

/// <summary>The number of these channels: it changes by itself when some are removed.</summary>
internal sealed record ChannelCount(ImmutableArray<int> Labels) : ShapeElement;

/// <summary>Where the elements of computed shapes come from; null for those that have nothing to do with channels.</summary>
internal sealed class ShapeElements(ChannelWalk walk)
{
    private readonly Dictionary<Value, ImmutableArray<ShapeElement?>> _elements = [];

    public void Set(Value value, IEnumerable<ShapeElement?> elements)
    {
        _elements[value] = [.. elements];
        if (value.IsGraphOutput)
        {
            walk.Coupling.Keep(Counted(value), $"their number comes out of the graph in '{value}'");
        }
    }

    /// <summary>Default where the length of the shape is not known.</summary>
    public ImmutableArray<ShapeElement?> Of(Node node, int input) => node.Input(input) switch
    {
        null => default,
        { IsConstant: true, Constant: { Type: ElementType.Int64 or ElementType.Int32 } constant } =>
            [.. constant.ToLongs().Select((element, index) => new ShapeLiteral(element, new(node, input), index))],
        var value when _elements.TryGetValue(value, out var elements) => elements,
        var value when walk.IsShape(value) => [.. new ShapeElement?[walk.ShapeOf(value)!.Value.Aggregate(1L, (product, length) => product * length)]],
        _ => default,
    };

    /// <summary>The channels whose number is in the value.</summary>
    public IEnumerable<int> Counted(Value value) =>
        _elements.TryGetValue(value, out var elements) ? elements.OfType<ChannelCount>().SelectMany(count => count.Labels) : [];

    /// <summary>Why a shape cannot be taken by a tensor whose channels are not followed; null where it can.</summary>
    public string? Unfollowed(Value? shape) => shape is not null && Counted(shape).Any() ? "gives their number to a tensor without them" : null;

    /// <summary>
    /// Sees to it that element <paramref name="index"/> of the shape that a node takes in is the number of <paramref name="labels"/>, however many of them are left, and
    /// that no other element changes. False where that is not certain.
    /// </summary>
    /// <param name="shape">Where the node takes in the shape.</param>
    /// <param name="index">The axis of the channels.</param>
    /// <param name="labels">The channels along it.</param>
    /// <param name="selfAdapting">Whether an element of that value needs no change.</param>
    public bool Bind(Use shape, int index, ImmutableArray<int> labels, Func<long, bool> selfAdapting)
    {
        var elements = Of(shape.Node, shape.Index);
        if (elements.IsDefault || index >= elements.Length || elements.Where((element, other) => other != index && element is ChannelCount).Any())
        {
            return false;
        }

        switch (elements[index])
        {
            case ShapeLiteral literal when selfAdapting(literal.Value):
                return true;
            case ShapeLiteral literal when literal.Value == labels.Length && IsReadHereAlone(literal, shape):
                walk.Adaptations.Add(new(literal.Place.Node, labels, (node, isKept) =>
                    ConstantInput.Change(node, literal.Place.Index, shape => shape.SetItem(literal.Index, labels.Count(isKept)))));
                return true;
            case ChannelCount count:
                return walk.Coupling.AreEqual(count.Labels, labels);
            default:
                return false;
        }
    }

    /// <summary>True where the constant can be changed for this node without a change for others.</summary>
    private static bool IsReadHereAlone(ShapeLiteral literal, Use shape) =>
        literal.Place == shape || (shape.Node.Input(shape.Index) is { Consumers.Count: 1 } computed && computed.Producer == literal.Place.Node);
}
