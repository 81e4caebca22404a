using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Mul and Add by a constant for each channel, as exporters spell a BatchNormalization, go into the layer before; also where a Squeeze is between them,
/// which makes a sequence of a convolution's image.
/// </summary>
internal sealed class FoldChannelArithmetic : GraphPass
{
    private const int ChannelAxis = 1;

    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Mul") || node.Is("Add") || node.Is("Sub")).ToArray())
        {
            if (Operands(node) is var (input, constant) && LayerBefore(input, constant.Constant!) is var (producer, spread) && producer.Graph == node.Graph && LinearLayer.Of(producer) is { } layer
                && layer.ChannelValues(spread) is { } values && layer.Apply(ArithmeticOf(node, values)))
            {
                node.Output.ReplaceAllUsesWith(input);
                node.Graph.Remove(node);
            }
        }
    }

    /// <summary>What makes the value, and the constant with as many axes as the layer's result.</summary>
    private static (Node Layer, TensorData Constant)? LayerBefore(Value input, TensorData constant) => input.Producer switch
    {
        null => null,
        { } squeeze when squeeze.Is("Squeeze") => input is { IsGraphOutput: false, Consumers.Count: 1 } && squeeze.Input(0)!.Producer is { } layer && WithAxes(constant, squeeze) is { } spread
            ? (layer, spread)
            : null,
        { } layer => (layer, constant),
    };

    /// <summary>Null where batch or channels are squeezed, or the constant does not name all axes that are left.</summary>
    private static TensorData? WithAxes(TensorData constant, Node squeeze)
    {
        var given = squeeze.Input(1) is { } input ? input is { IsConstant: true, Constant: { Type: ElementType.Int64 } tensor } ? tensor.ToLongs() : [] : squeeze.Ints("axes");
        ImmutableArray<long> axes = given.IsDefault ? [] : [.. given.Order()];
        if (axes.IsEmpty || axes[0] < ChannelAxis + 1 || constant.Rank <= ChannelAxis || axes[^1] > constant.Rank + axes.Length - 1)
        {
            return null;
        }

        return constant.Reshape(axes.Aggregate(constant.Dimensions, (dimensions, axis) => dimensions.Insert((int)axis, 1)));
    }

    private static ChannelArithmetic ArithmeticOf(Node node, double[] values)
    {
        var (zeros, ones) = (new double[values.Length], Enumerable.Repeat(1.0, values.Length).ToArray());
        return node.OpType switch
        {
            "Mul" => new(values, zeros),
            "Add" => new(ones, values),
            _ => new(ones, [.. values.Select(value => -value)]),
        };
    }

    private static (Value Input, Value Constant)? Operands(Node node) => (node.Input(0), node.Input(1)) switch
    {
        ({ IsConstant: false } input, { IsConstant: true, Constant.Type: ElementType.Float } constant) => (input, constant),
        ({ IsConstant: true, Constant.Type: ElementType.Float } constant, { IsConstant: false } input) when !node.Is("Sub") => (input, constant),
        _ => null,
    };
}
