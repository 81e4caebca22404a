using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Distillation;

/// <summary>Operators that look at one place at a time.</summary>
internal static class ElementwiseGradients
{
    public static void Add(GradientGraph graph, Node node, Value output) => Both(graph, node, () => output, () => output);

    public static void Sub(GradientGraph graph, Node node, Value output) => Both(graph, node, () => output, () => graph.Node("Neg", output));

    public static void Mul(GradientGraph graph, Node node, Value output) =>
        Both(graph, node, () => graph.Node("Mul", output, node.Input(1)), () => graph.Node("Mul", output, node.Input(0)));

    public static void Div(GradientGraph graph, Node node, Value output) => Both(
        graph, node, () => graph.Node("Div", output, node.Input(1)), () => graph.Node("Neg", graph.Node("Div", graph.Node("Mul", output, node.Output), node.Input(1))));

    public static void PRelu(GradientGraph graph, Node node, Value output) => Both(
        graph,
        node,
        () => GradientRules.Select(graph, node, output, graph.Node("Mul", output, node.Input(1))),
        () => graph.Node("Mul", output, graph.Node("Min", node.Input(0), graph.Number(0))));

    /// <summary>Nothing passes where the input lies outside.</summary>
    public static void Clip(GradientGraph graph, Node node, Value output)
    {
        // What was cut off has become the limit; where nothing was, the output is the input.
        var same = graph.Make("Cast", graph.Node("Equal", node.Input(0), node.Output)).Set("to", (long)ElementType.Float).Output;
        GradientRules.Through(graph, node, graph.Node("Mul", output, same));
    }

    public static void HardSigmoid(GradientGraph graph, Node node, Value output)
    {
        var slope = graph.Node("Mul", output, graph.Number(node.Float("alpha", 0.2f)));
        GradientRules.Through(graph, node, graph.Node("Mul", slope, Inside(graph, node.Output)));
    }

    /// <summary>x·h(x) with h = clip(x/6 + 1/2): h + x/6 where h is not cut off.</summary>
    public static void HardSwish(GradientGraph graph, Node node, Value output)
    {
        var hard = graph.Make("HardSigmoid", node.Input(0)).Set("alpha", 1f / 6).Set("beta", 0.5f).Output;
        var slope = graph.Node("Mul", graph.Node("Mul", node.Input(0), graph.Number(1f / 6)), Inside(graph, hard));
        GradientRules.Through(graph, node, graph.Node("Mul", output, graph.Node("Add", hard, slope)));
    }

    public static void Softmax(GradientGraph graph, Node node, Value output)
    {
        var axis = node.Int("axis", -1);
        var product = graph.Node("Mul", output, node.Output);
        var sum = graph.Sum(product, keeps: true, axis);
        GradientRules.Through(graph, node, graph.Node("Sub", product, graph.Node("Mul", node.Output, sum)));
    }

    /// <summary>As in inference: a factor for each channel.</summary>
    public static void BatchNormalization(GradientGraph graph, Node node, Value output)
    {
        if (node.Input(1)?.Constant is not { } scale || node.Input(4)?.Constant is not { } variance)
        {
            return;
        }

        var epsilon = node.Float("epsilon", 1e-5f);
        float[] factors = [.. scale.ToFloats().Zip(variance.ToFloats(), (factor, own) => factor / MathF.Sqrt(own + epsilon))];
        var shape = Enumerable.Repeat(1L, graph.ShapeOf(node.Output).Length - 2).Prepend(factors.Length);
        GradientRules.Through(graph, node, graph.Node("Mul", output, graph.Constant(TensorData.Create([.. shape], factors.AsSpan()))));
    }

    private static Value Inside(GradientGraph graph, Value share) =>
        graph.Node("Sign", graph.Node("Mul", share, graph.Node("Sub", graph.Number(1), share)));

    private static void Both(GradientGraph graph, Node node, Func<Value> first, Func<Value> second)
    {
        foreach (var (input, gradient) in (ReadOnlySpan<(Value, Func<Value>)>)[(node.Input(0)!, first), (node.Input(1)!, second)])
        {
            if (graph.IsWanted(input))
            {
                graph.Add(input, graph.Reduce(gradient(), graph.ShapeOf(node.Output), graph.ShapeOf(input)));
            }
        }
    }
}
