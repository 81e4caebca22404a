using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// A product of integers may return floats. Behind one, ONNX Runtime (seen with 1.31) looks through a Relu or Clip for a Q that does the same, and where there is none it leaves all
/// of it in float. Max and Min do what they do, and it does not look through them.
/// </summary>
internal static class FloatProducts
{
    public static void Keep(Model model)
    {
        foreach (var graph in Bodies.Scopes(model.Graph))
        {
            foreach (var activation in graph.Nodes.Where(node => IsLookedThrough(node, model.Opset)).ToArray())
            {
                Spell(graph, activation);
            }

            TopologicalOrder.Restore(graph);
        }
    }

    private static bool IsLookedThrough(Node node, long opset) =>
        (node.Is("Relu") || (node.Is("Clip") && opset >= FloatGuard.LimitsAreInputs))
            && node.Input(0)?.Producer is { } product && (product.Is("MatMul") || product.Is("Gemm")) && IsDequantized(product.Input(0)) && IsDequantized(product.Input(1))
            && node.Output.Consumers.Count > 0 && !(node.Output.Consumers is [{ Node: { OpType: "QuantizeLinear" } quantize }] && Saturates(quantize, node));

    private static bool IsDequantized(Value? value) => value?.Producer is { OpType: "DequantizeLinear" };

    /// <summary>True where what a Q can hold lies within the limits.</summary>
    private static bool Saturates(Node quantize, Node activation)
    {
        if (quantize.Input(1)?.Constant is not { ElementCount: 1 } scale || quantize.Input(2)?.Constant is not { ElementCount: 1 } zeroPoint)
        {
            return false;
        }

        var step = scale.ToFloats()[0];
        var middle = IntegerTypes.At(zeroPoint, 0);
        var (low, high) = (IntegerTypes.MinOf(zeroPoint.Type) - middle, IntegerTypes.MaxOf(zeroPoint.Type) - middle);
        return Limit(activation, 1, activation.Is("Relu") ? 0 : float.NegativeInfinity) <= low * step && high * step <= Limit(activation, 2, float.PositiveInfinity);
    }

    /// <summary>NaN where it is computed.</summary>
    private static float Limit(Node activation, int index, float none) => activation.Input(index) is not { } value ? none : value.Constant?.ToFloats()[0] ?? float.NaN;

    private static void Spell(Graph graph, Node activation)
    {
        var value = activation.Input(0)!;
        var lowest = activation.Is("Relu") ? graph.AddInitializer(activation.Output.Name + "_lowest", TensorData.Scalar(0f)) : activation.Input(1);
        if (activation.Is("Clip") && activation.Input(2) is { } highest)
        {
            value = lowest is null ? value : graph.AddNode("Max", [value, lowest], activation.Output.Name + "_raised", activation).Output;
            graph.Replace(activation, "Min", [value, highest]);
        }
        else if (lowest is not null)
        {
            graph.Replace(activation, "Max", [value, lowest]);
        }
    }
}
