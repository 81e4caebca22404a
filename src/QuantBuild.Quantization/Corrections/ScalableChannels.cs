using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Finds the channels that can be multiplied by a positive factor where they are made and divided by it where they are read: all that lies between has to
/// compute f(s·x) = s·f(x).
/// </summary>
internal sealed class ScalableChannels(ChannelGroups groups)
{
    private static readonly ImmutableHashSet<string> Homogeneous =
    [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Relu", "LeakyRelu", "Identity", "Dropout", "Neg", "Abs", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool",
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Shape",
    ];

    /// <summary>The tensors of a prepared model that have such channels, by name.</summary>
    public static ImmutableDictionary<string, ChannelLayout> Layouts(Model prepared, ModelProfile profile)
    {
        var groups = ChannelGroups.Of(prepared, profile);
        var scalable = new ScalableChannels(groups).Find();
        return groups.Axes.Where(entry => entry.Value.Labels.Any(label => scalable.Contains(groups.ChannelOf(label))))
            .ToImmutableDictionary(entry => entry.Key.Name, entry => new ChannelLayout(entry.Value.Axis, entry.Value.Labels.Length));
    }

    /// <summary>The channels, as <see cref="ChannelGroups.ChannelOf"/> names them.</summary>
    public IReadOnlySet<int> Find()
    {
        var free = groups.Prunable.SelectMany(group => group.Labels).Concat(groups.Normalized).ToHashSet();
        var factors = groups.Slots.Where(slot => slot.Role == SlotRole.Factor).Select(slot => slot.Node).ToHashSet();
        foreach (var node in Bodies.Nodes(groups.Model.Graph).Where(node => !IsHomogeneous(node)))
        {
            free.ExceptWith(node.Inputs.Concat(factors.Contains(node) ? [] : node.Outputs).SelectMany(value => Labels(value)).Select(groups.ChannelOf));
        }

        free.ExceptWith(groups.Slots.Where(slot => slot.Node.Input(slot.Input)!.Constant!.Type != ElementType.Float).SelectMany(slot => slot.Labels).Select(groups.ChannelOf));
        return free;
    }

    private ImmutableArray<int> Labels(Value? value) => value is not null && groups.Axes.TryGetValue(value, out var axis) ? axis.Labels : [];

    private bool IsHomogeneous(Node node) => node.Domain.Length == 0 && node.OpType switch
    {
        // A bias that is broadcast over the channels has no place for their factors.
        "Gemm" or "Conv" or "ConvTranspose" => node.Input(2) is null || HasSlot(node, 2),
        "Add" or "Sub" or "Sum" or "Mean" or "Max" or "Min" => node.Inputs.Index().All(entry => HasChannels(node, entry.Item) || HasSlot(node, entry.Index)),
        "Mul" => node.Inputs.Count(value => !Labels(value).IsEmpty) == 1,
        "Div" or "PRelu" => Labels(node.Input(1)).IsEmpty,
        "Clip" => IsZero(node.Input(1)) && node.Input(2) is null,
        "Pad" => node.Text("mode", "constant") != "constant" || node.Input(2) is null || IsZero(node.Input(2)),
        "Resize" => node.Text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize",
        var type => Homogeneous.Contains(type),
    };

    private bool HasChannels(Node node, Value? value) => Labels(value).Length == Labels(node.Output).Length;

    private bool HasSlot(Node node, int input) => groups.Slots.Any(slot => slot.Node == node && slot.Input == input);

    private static bool IsZero(Value? value) => value is { IsConstant: true, Constant: { Type: ElementType.Float } constant } && constant.ToFloats().All(element => element == 0);
}
