using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>Writes what flows back through a node: for each input that is wanted, a gradient out of that of the output.</summary>
internal delegate void GradientRule(GradientGraph graph, Node node, Value output);

/// <summary>How derivatives pass operators. Where there is no rule none do, and what lies before learns by another way, or not at all.</summary>
internal static class GradientRules
{
    private static readonly Dictionary<string, GradientRule> All = new()
    {
        ["Conv"] = LayerGradients.Convolution,
        ["Gemm"] = LayerGradients.Gemm,
        ["MatMul"] = LayerGradients.MatMul,
        ["MaxPool"] = PoolingGradients.MaxPool,
        ["AveragePool"] = PoolingGradients.AveragePool,
        ["GlobalAveragePool"] = (graph, node, output) => PoolingGradients.Mean(graph, node, output),
        ["ReduceMean"] = (graph, node, output) => PoolingGradients.Mean(graph, node, output),
        ["Relu"] = (graph, node, output) => Through(graph, node, graph.Node("Mul", output, graph.Node("Sign", node.Output))),
        ["LeakyRelu"] = (graph, node, output) =>
            Through(graph, node, Select(graph, node, output, graph.Node("Mul", output, graph.Number(node.Float("alpha", 0.01f))))),
        ["PRelu"] = ElementwiseGradients.PRelu,
        ["Clip"] = ElementwiseGradients.Clip,
        ["Sigmoid"] = (graph, node, output) => Through(graph, node, graph.Node("Mul", output, graph.Node("Mul", node.Output, graph.Node("Sub", graph.Number(1), node.Output)))),
        ["Tanh"] = (graph, node, output) => Through(graph, node, graph.Node("Mul", output, graph.Node("Sub", graph.Number(1), graph.Node("Mul", node.Output, node.Output)))),
        ["HardSigmoid"] = ElementwiseGradients.HardSigmoid,
        ["HardSwish"] = ElementwiseGradients.HardSwish,
        ["Softmax"] = ElementwiseGradients.Softmax,
        ["Add"] = ElementwiseGradients.Add,
        ["Sub"] = ElementwiseGradients.Sub,
        ["Mul"] = ElementwiseGradients.Mul,
        ["Div"] = ElementwiseGradients.Div,
        ["BatchNormalization"] = ElementwiseGradients.BatchNormalization,
        ["Identity"] = (graph, node, output) => Through(graph, node, output),
        ["Dropout"] = (graph, node, output) => Through(graph, node, output),
        ["Reshape"] = MovingGradients.Reshaped,
        ["Flatten"] = MovingGradients.Reshaped,
        ["Squeeze"] = MovingGradients.Reshaped,
        ["Unsqueeze"] = MovingGradients.Reshaped,
        ["Transpose"] = MovingGradients.Transpose,
        ["Concat"] = MovingGradients.Concat,
        ["Pad"] = MovingGradients.Pad,
        ["Slice"] = MovingGradients.Slice,
        ["Split"] = MovingGradients.Split,
    };

    public static GradientRule? Of(Node node) => node.Domain.Length == 0 ? All.GetValueOrDefault(node.OpType) : null;

    /// <summary>The whole gradient goes to the first input.</summary>
    public static void Through(GradientGraph graph, Node node, Value gradient)
    {
        if (graph.IsWanted(node.Input(0)))
        {
            graph.Add(node.Input(0)!, gradient);
        }
    }

    /// <summary>One where the input is positive, the other where it is not.</summary>
    public static Value Select(GradientGraph graph, Node node, Value positive, Value other) =>
        graph.Node("Where", graph.Node("Greater", node.Input(0), graph.Number(0)), positive, other);
}
