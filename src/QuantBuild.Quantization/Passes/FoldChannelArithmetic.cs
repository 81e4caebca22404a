using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>Mul and Add by a constant for each channel, as exporters spell a BatchNormalization, go into the layer before.</summary>
internal sealed class FoldChannelArithmetic : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Mul") || node.Is("Add") || node.Is("Sub")).ToArray())
        {
            if (Operands(node) is var (input, constant) && input.Producer is { } producer && producer.Graph == node.Graph && LinearLayer.Of(producer) is { } layer
                && layer.ChannelValues(constant.Constant!) is { } values && layer.Apply(ArithmeticOf(node, values)))
            {
                node.Output.ReplaceAllUsesWith(input);
                node.Graph.Remove(node);
            }
        }
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
