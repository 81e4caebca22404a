using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Where a float operator joins what a convolution on integers makes and what float operators make, and another such convolution comes behind, ONNX Runtime (seen
/// with 1.31) carries the Transpose of the first, whose channels are last, through its DQ up to the join, and leaves a Q and a DQ there. A guard spares both.
/// </summary>
internal sealed class FloatJoins
{
    private static readonly HashSet<string> Joins = ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Concat"];
    private static readonly HashSet<string> OfOneImage = ["Relu", "Clip", "LeakyRelu", "PRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Gelu", "MaxPool", "Slice", "Pad"];

    private readonly Dictionary<Value, bool> _channelsLast = [];

    public static void Keep(Model model)
    {
        foreach (var graph in Bodies.Scopes(model.Graph))
        {
            var joins = new FloatJoins();
            var places = graph.Nodes.Where(joins.Mixes).SelectMany(node => node.Inputs.Index().Where(input => IsOfConvolution(input.Item)), (node, input) => (Node: node, input.Index)).ToArray();
            foreach (var (node, index) in places)
            {
                node.SetInput(index, FloatGuard.Behind(graph, node.Input(index)!, model.Opset));
            }

            TopologicalOrder.Restore(graph);
        }
    }

    /// <summary>In float, an image of either kind, and a convolution on integers behind.</summary>
    private bool Mixes(Node node) =>
        Joins.Contains(node.OpType) && node.Inputs.OfType<Value>().Where(input => !input.HasConstant).Distinct().ToArray() is { Length: > 1 } images
            && images.Any(IsOfConvolution) && !images.All(IsChannelsLast) && LeadsToConvolution(node.Output, [])
            && !(images.All(image => image.Producer?.OpType == "DequantizeLinear") && FloatLayers.IsQuantized(node.Output));

    /// <summary>A DQ right behind a convolution on integers.</summary>
    private static bool IsOfConvolution(Value? value) => value?.Producer is { OpType: "DequantizeLinear" } dequantize && dequantize.Input(0)?.Producer switch
    {
        { OpType: "QuantizeLinear" } quantize => IsConvolution(Made(quantize.Input(0)!)),
        { } producer => IsConvolution(producer),
        null => false,
    };

    private bool IsChannelsLast(Value value)
    {
        if (!_channelsLast.TryGetValue(value, out var isLast))
        {
            _channelsLast[value] = isLast = IsOfConvolution(value) || (value.Producer is { } producer && (
                producer.OpType is "DequantizeLinear" or "QuantizeLinear" || OfOneImage.Contains(producer.OpType) ? producer.Input(0) is { } source && IsChannelsLast(source)
                : Joins.Contains(producer.OpType) && producer.Inputs.OfType<Value>().Where(input => !input.HasConstant).All(IsChannelsLast)));
        }

        return isLast;
    }

    private static bool LeadsToConvolution(Value value, HashSet<Value> visited) => visited.Add(value) && value.Consumers.Any(use =>
        IsConvolution(use.Node) || (Passes(use.Node) && LeadsToConvolution(use.Node.Output, visited)));

    private static bool Passes(Node node) => node.OpType is "QuantizeLinear" or "DequantizeLinear" || OfOneImage.Contains(node.OpType) || Joins.Contains(node.OpType);

    private static bool IsConvolution(Node? node) =>
        node is { OpType: "QLinearConv" } || (node is not null && node.Is("Conv") && node.Input(1)?.Producer is { OpType: "DequantizeLinear" });

    /// <summary>What makes a value, but for the activation behind it.</summary>
    private static Node? Made(Value value) => value.Producer is { OpType: "Relu" or "Clip" } activation ? activation.Input(0)?.Producer : value.Producer;
}
