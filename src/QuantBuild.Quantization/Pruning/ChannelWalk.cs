using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Pruning;

/// <summary>The axis of a tensor along which channels lie, with the label of every position.</summary>
internal sealed record ChannelAxis(int Axis, ImmutableArray<int> Labels);

internal enum SlotRole
{
    Producer,
    Parameter,
    Reader,

    /// <summary>Multiplies each channel of what is normalized over all of them: the channels begin there, and all of them stay.</summary>
    Factor,
}

/// <summary>An axis of a constant, with the label of every position.</summary>
internal sealed record LabelledSlot(SlotRole Role, Node Node, int Input, int Axis, ImmutableArray<int> Labels);

/// <summary>What a node that counts channels does, in a copy, where some of these labels go; it is told which are kept.</summary>
internal sealed record Adaptation(Node Node, ImmutableArray<int> Labels, Action<Node, Func<int, bool>> Apply);

/// <summary>Follows channels through the nodes, in the order of the graph, and collects what <see cref="ChannelRules"/> say of each.</summary>
internal sealed class ChannelWalk
{
    private readonly ModelProfile _profile;
    private readonly OrderedDictionary<Value, ChannelAxis> _axes = [];

    public ChannelWalk(Model model, ModelProfile profile)
    {
        _profile = profile;
        Opset = model.Opset;
        Shapes = new(this);
        foreach (var node in Bodies.Nodes(model.Graph))
        {
            Visit(node);
        }
    }

    public long Opset { get; }

    public ChannelCoupling Coupling { get; } = new();

    /// <summary>What is known of the tensors that hold shapes.</summary>
    public ShapeElements Shapes { get; }

    public IReadOnlyDictionary<Value, ChannelAxis> Axes => _axes;

    public List<LabelledSlot> Slots { get; } = [];

    public List<Adaptation> Adaptations { get; } = [];

    /// <summary>Null where no channels are followed through the value.</summary>
    public ChannelAxis? AxisOf(Value? value) => value is null ? null : _axes.GetValueOrDefault(value);

    /// <summary>Null where no run has shown it.</summary>
    public ImmutableArray<long>? ShapeOf(Value? value) =>
        value is null ? null
        : value.IsConstant ? value.Constant!.Dimensions
        : _profile.Values.TryGetValue(value.Name, out var profile) && profile.Shape.All(length => length >= 0) ? profile.Shape : null;

    /// <summary>True for the scalars and vectors of integers that shapes are computed with.</summary>
    public bool IsShape(Value? value) =>
        value is not null && _profile.Values.TryGetValue(value.Name, out var profile) && profile is { Type: ElementType.Int64 or ElementType.Int32, Shape.Length: <= 1 };

    public void Set(Value value, int axis, ImmutableArray<int> labels)
    {
        _axes[value] = new(axis, labels);
        if (value.IsGraphOutput)
        {
            Coupling.Keep(labels, $"they come out of the graph as '{value}'");
        }
    }

    /// <summary>Labels for channels that have to stay.</summary>
    public ImmutableArray<int> Fixed(long count, string reason)
    {
        var labels = Coupling.Fresh(count);
        Coupling.Keep(labels, reason);
        return labels;
    }

    /// <summary>Channels that no rule carries on are kept, and so are those whose number goes where no rule expects it.</summary>
    private void Visit(Node node)
    {
        Value[] captured = [.. node.Subgraphs.SelectMany(body => BodyModel.Captured(body))];
        var rule = RuleOf(node);
        var isKnown = rule is not null && (rule.HasManyOutputs || node.Outputs.Skip(1).All(output => output is null));
        var reason = isKnown ? rule!.Follow(node, this) : "is not known to keep channels apart";
        var stray = node.Inputs.Where((_, index) => reason is not null || (index > 0 && !rule!.HasManyInputs)).Concat(captured);
        Coupling.Keep(stray.SelectMany(value => AxisOf(value)?.Labels ?? []), $"{node} {reason ?? "takes them as a parameter"}");
        var counted = node.Inputs.Where((_, index) => reason is not null || !rule!.TakesCounts(index)).OfType<Value>().Concat(captured).SelectMany(Shapes.Counted);
        Coupling.Keep(counted, $"{node} {reason ?? "computes with their number"}");
    }

    private ChannelRule? RuleOf(Node node)
    {
        var makesShape = node.Outputs is [{ } output] && IsShape(output) && (node.Is("Shape") || node.Inputs.All(value => AxisOf(value) is null));
        return (makesShape ? ChannelRules.OfShape(node) : null) ?? ChannelRules.Of(node);
    }
}
