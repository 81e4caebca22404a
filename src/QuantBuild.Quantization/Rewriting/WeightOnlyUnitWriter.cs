using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Weights as integers in front of float operators. ONNX Runtime makes MatMulNBits of DequantizeLinear and a matrix product; a table is
/// looked up as integers, and what was found becomes float.
/// </summary>
internal sealed class WeightOnlyUnitWriter(RewriteTarget target)
{
    /// <summary>Layers that share weights may have them either way round.</summary>
    private readonly Dictionary<(Value Weights, bool IsTransposed), Value> _dequantized = [];
    private readonly Dictionary<Value, QuantizedTable> _tables = [];

    public void Write()
    {
        foreach (var (unit, node) in target.Units(UnitForm.WeightOnly))
        {
            if (unit.Rule.Role == OperatorRole.Embedding)
            {
                WriteTable(unit, node);
            }
            else
            {
                WriteWeights(unit, node);
            }
        }
    }

    private void WriteWeights(QuantizedUnit unit, Node node)
    {
        var value = node.Input(1)!;
        // Only weights of [inputs, outputs] are fused.
        var isTransposed = node.Is("Gemm") && node.Int("transB", 0) == 1;
        if (!_dequantized.TryGetValue((value, isTransposed), out var weights))
        {
            var quantized = target.Plan.QuantizedWeightsOf(unit);
            weights = target.Operands.DequantizeConstant(isTransposed ? quantized.Transpose() : quantized, value.Name).Output;
            _dequantized[(value, isTransposed)] = weights;
        }

        node.SetInput(1, weights);
        if (isTransposed)
        {
            node.RemoveAttribute("transB");
        }

        if (target.CorrectedBias(unit) is { } bias)
        {
            node.SetInput(2, target.Graph.AddInitializer((node.Input(2)?.Name ?? node.Output.Name + "_bias") + "_corrected", TensorData.Vector<float>(bias)));
        }
    }

    private void WriteTable(QuantizedUnit unit, Node node)
    {
        var value = node.Input(0)!;
        if (!_tables.TryGetValue(value, out var table))
        {
            var quantized = target.Plan.QuantizedWeightsOf(unit);
            var (scale, zeroPoint) = target.Operands.AddParameters(quantized.Elements.Dimensions, quantized.Parameters, value.Name);
            table = new(target.Graph.AddInitializer(value.Name + "_quantized", quantized.Elements), scale, zeroPoint, quantized.Parameters);
            _tables[value] = table;
        }

        var rows = target.Graph.AddNode("Gather", [table.Elements, node.Input(1)], node.Output.Name + "_rows", node);
        rows.Name = node.Name;
        var dequantize = target.Graph.Replace(node, "DequantizeLinear", [rows.Output, table.Scale, table.ZeroPoint], target.Operands.DomainOf(table.Parameters.Type));
        dequantize.Name = "";
        if (table.Parameters.Granularity is Granularity.PerChannel)
        {
            dequantize.Set("axis", -1L);
        }
    }

    private sealed record QuantizedTable(Value Elements, Value Scale, Value ZeroPoint, QuantizationParameters Parameters);
}
