using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Keeps layers float that are to be float. Where ONNX Runtime (seen with 1.31) finds one between a DQ and a Q it makes its weights integers itself, one scale for
/// all of them and of 8 bits, whatever saturates. A guard in front of the layer prevents that.
/// </summary>
internal static class FloatLayers
{
    public static void Keep(Model model)
    {
        foreach (var graph in Bodies.Scopes(model.Graph))
        {
            foreach (var layer in graph.Nodes.Where(IsBetweenIntegers).ToArray())
            {
                layer.SetInput(0, FloatGuard.Behind(graph, layer.Input(0)!, model.Opset));
            }

            TopologicalOrder.Restore(graph);
        }
    }

    /// <summary>Where a Q, behind an activation or what moves elements, is all that reads a value.</summary>
    internal static bool IsQuantized(Value value) => value.Consumers is [{ Node: var reader }]
        && (reader.OpType == "QuantizeLinear" || ((reader.Is("Relu") || reader.Is("Clip") || IsMoving(reader)) && reader.Outputs is [{ } output] && IsQuantized(output)));

    private static bool IsBetweenIntegers(Node node) =>
        (node.Is("Conv") || node.Is("ConvTranspose") || node.Is("Gemm")) && node.Input(1) is { IsConstant: true, Constant.Type: ElementType.Float }
            && IsDequantized(node.Input(0)) && IsQuantized(node.Output);

    /// <summary>ONNX Runtime carries a DQ, and a Q, through what only moves elements.</summary>
    private static bool IsDequantized(Value? value) => value?.Producer is { } producer && (producer.OpType == "DequantizeLinear" || (IsMoving(producer) && IsDequantized(producer.Input(0))));

    private static bool IsMoving(Node node) => OperatorRules.Of(node) is { Role: OperatorRole.Moving or OperatorRole.MovingQuantized };
}
