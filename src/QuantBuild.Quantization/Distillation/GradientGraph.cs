using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>What rules write derivatives with: nodes at the end of a graph whose shapes are all known.</summary>
/// <param name="graph">The graph.</param>
/// <param name="shapes">Of its values, in a real run.</param>
internal sealed class GradientGraph(Graph graph, Dictionary<string, ImmutableArray<long>> shapes)
{
    private readonly Dictionary<Value, Value> _gradients = [];
    private readonly HashSet<Value> _wanted = [];

    public ImmutableArray<long> ShapeOf(Value value) => value.Constant is { } constant ? constant.Dimensions : shapes[value.Name];

    public bool Knows(Value value) => value.HasConstant || shapes.ContainsKey(value.Name);

    /// <summary>The derivative of the loss by a value, or null where it does not depend on it.</summary>
    public Value? Of(Value value) => _gradients.GetValueOrDefault(value);

    public Value Find(string name) => graph.Find(name)!;

    public Value Input(string name, ImmutableArray<long> shape)
    {
        var input = graph.AddInput(name);
        input.Declare(ElementType.Float, [.. shape.Select(length => (long?)length)]);
        return input;
    }

    /// <summary>Asks for a value's gradient.</summary>
    public void Want(Value value) => _wanted.Add(value);

    public bool IsWanted(Value? value) => value is not null && _wanted.Contains(value);

    /// <summary>Adds to the gradient of a value what comes through one of its readers.</summary>
    public void Add(Value value, Value gradient) => _gradients[value] = _gradients.TryGetValue(value, out var others) ? Node("Add", others, gradient) : gradient;

    public Value Node(string opType, params ReadOnlySpan<Value?> inputs) => Make(opType, inputs).Output;

    /// <summary>The same, for attributes to be set.</summary>
    public Node Make(string opType, params ReadOnlySpan<Value?> inputs) => graph.AddNode(opType, [.. inputs], "gradient");

    /// <summary>A node like another with a second output, which it gives.</summary>
    public Value MakePair(Node node)
    {
        var twin = graph.AddNode(node.OpType, node.Inputs, [graph.AddValue("gradient"), graph.AddValue("places")]);
        foreach (var attribute in node.Attributes.Values)
        {
            twin.Set(attribute);
        }

        return twin.Outputs[1]!;
    }

    public Value Longs(params ReadOnlySpan<long> values) => graph.AddInitializer("integers", TensorData.Vector(values));

    public Value Number(float value) => graph.AddInitializer("number", TensorData.Scalar(value));

    public Value Constant(TensorData data) => graph.AddInitializer("constant", data);

    public Value Reshape(Value value, ImmutableArray<long> shape) => Node("Reshape", value, Longs(shape.AsSpan()));

    public Value Transpose(Value value, params ReadOnlySpan<long> permutation) => Make("Transpose", value).Set("perm", [.. permutation]).Output;

    /// <param name="value">What is added up.</param>
    /// <param name="keeps">Whether the axes stay, of length 1.</param>
    /// <param name="axes">None for all.</param>
    public Value Sum(Value value, bool keeps, params ReadOnlySpan<long> axes) =>
        Make("ReduceSum", value, axes.IsEmpty ? null : Longs(axes)).Set("keepdims", keeps ? 1L : 0L).Output;

    /// <summary>Adds up over the axes along which a tensor was repeated to meet another.</summary>
    public Value Reduce(Value value, ImmutableArray<long> from, ImmutableArray<long> to)
    {
        if (from.SequenceEqual(to))
        {
            return value;
        }

        var extra = from.Length - to.Length;
        long[] axes = [.. Enumerable.Range(0, from.Length).Where(axis => axis < extra || to[axis - extra] != from[axis]).Select(axis => (long)axis)];
        return Reshape(axes.Length == 0 ? value : Sum(value, keeps: true, axes), to);
    }
}
