using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Static units as float operators between QuantizeLinear and DequantizeLinear.</summary>
internal sealed class StaticUnitWriter(RewriteTarget target)
{
    private readonly Graph _graph = target.Graph;
    private readonly QuantizationPlan _plan = target.Plan;
    private readonly Dictionary<(Value, int), (Value Dequantized, ImmutableArray<float> Scales)> _weights = [];

    public void Write()
    {
        foreach (var (unit, node) in target.Units(UnitForm.Static))
        {
            QuantizeConstants(unit, node);
        }

        foreach (var value in target.QuantizedValues)
        {
            QuantizeValue(value);
        }

        foreach (var (unit, node) in target.Units(UnitForm.Static).Where(entry => entry.Unit.Rule.Role == OperatorRole.MovingQuantized))
        {
            MoveQuantized(unit, node);
        }
    }

    /// <summary>value → Q → DQ → its INT8 readers; every other reader too where an INT8 kernel makes the value.</summary>
    private void QuantizeValue(Value original)
    {
        var value = _graph.Find(original.Name)!;
        var parameters = _plan.Activations[original.Name];
        var readers = target.ReadersOf(original).ToArray();
        var hint = value.Name;
        var quantize = target.Operands.Quantize(value, parameters, hint);
        var dequantize = target.Operands.Dequantize(quantize.Output, parameters, hint);
        target.Quantizers[original.Name] = quantize;
        if (value.Graph == _graph && _plan.Placement.ProducerOf(original) is not null)
        {
            value.ReplaceAllUsesWith(dequantize.Output);
            quantize.SetInput(0, value);
        }

        foreach (var use in readers)
        {
            use.Node.SetInput(use.Index, dequantize.Output);
        }
    }

    private void QuantizeConstants(QuantizedUnit unit, Node node)
    {
        if (unit.Rule.ChannelAxis is not null)
        {
            var inputScale = _plan.Activations[unit.Inputs[0].Name].Scale;
            var bias = target.CorrectedBias(unit);
            var (weights, scales) = Weights(unit, node, inputScale, bias);
            node.SetInput(unit.Rule.WeightInput, weights);
            if (bias is not null)
            {
                node.SetInput(2, _plan.Form.HasFloatBias ? FloatBias(node, bias) : Bias(node, bias, [.. scales.Select(scale => scale * inputScale)]));
            }
        }

        foreach (var index in unit.Rule.TakesConstants ? unit.Rule.DataInputs(node) : [])
        {
            QuantizeOperand(node, index);
        }
    }

    /// <summary>
    /// Empty where every channel's bias fits into an int32 at the scale that the weights want. A float bias has to fit, too: ONNX Runtime and
    /// accelerators make an int32 of it where Q and DQ stand around the layer, and what overflows there is a wrong number.
    /// </summary>
    private ImmutableArray<double> SmallestScales(QuantizedUnit unit, float inputScale, float[]? bias)
    {
        if (bias is null)
        {
            return [];
        }

        // Half of the int32 range is left to the sum of products.
        var smallest = bias.Select(value => Math.Abs((double)value) / inputScale / (1 << 30)).ToImmutableArray();
        var scales = _plan.QuantizedWeightsOf(unit).Parameters.Scales;
        return smallest.Select((value, channel) => value > scales[scales.Length == 1 ? 0 : channel]).Any(isTooSmall => isTooSmall) ? smallest : [];
    }

    private (Value Dequantized, ImmutableArray<float> Scales) Weights(QuantizedUnit unit, Node node, float inputScale, float[]? bias)
    {
        var value = node.Input(unit.Rule.WeightInput)!;
        var original = unit.Node.Input(unit.Rule.WeightInput)!.Constant!;
        var smallestScales = SmallestScales(unit, inputScale, bias);
        var key = (value, unit.Rule.ChannelAxis!(unit.Node));
        if (smallestScales.IsEmpty && _weights.TryGetValue(key, out var shared))
        {
            return shared;
        }

        var quantized = smallestScales.IsEmpty ? _plan.QuantizedWeightsOf(unit) : UnitWeights.Quantize(unit, original, _plan.Form.Weights, smallestScales);
        var result = (target.Operands.DequantizeConstant(quantized, value.Name).Output, quantized.Parameters.Scales);
        if (smallestScales.IsEmpty)
        {
            _weights[key] = result;
        }

        return result;
    }

    private Value FloatBias(Node node, float[] bias) =>
        _graph.AddInitializer((node.Input(2)?.Name ?? node.Output.Name + "_bias") + "_corrected", TensorData.Vector<float>(bias));

    private Value Bias(Node node, float[] bias, ImmutableArray<float> scales)
    {
        int[] quantized = [.. bias.Select((value, channel) => AffineQuantization.Quantize(value, scales[scales.Length == 1 ? 0 : channel], 0, ElementType.Int32))];
        Granularity granularity = scales.Length == 1 && bias.Length > 1 ? new Granularity.PerTensor() : new Granularity.PerChannel(0);
        return target.Operands.DequantizeConstant(
            new(TensorData.Vector<int>(quantized), new(ElementType.Int32, granularity, scales, [.. new int[scales.Length]])),
            node.Input(2)?.Name ?? node.Output.Name + "_bias").Output;
    }

    /// <summary>A constant operand of an Add or Mul is an activation that never changes.</summary>
    private void QuantizeOperand(Node node, int index)
    {
        if (node.Input(index) is not { IsConstant: true } value)
        {
            return;
        }

        var elements = value.Constant!.ToFloats();
        var range = elements.Aggregate(TensorRange.Empty, (union, element) => union.Union(new(element, element)));
        var parameters = AffineQuantization.ChooseParameters(range, _plan.Form.Activations);
        int[] quantized = [.. elements.Select(element => AffineQuantization.Quantize(element, parameters.Scale, parameters.ZeroPoint, parameters.Type))];
        var constant = _graph.AddInitializer(value.Name + "_quantized", IntegerTypes.ToTensor(parameters.Type, value.Constant.Dimensions, quantized));
        node.SetInput(index, target.Operands.Dequantize(constant, parameters, value.Name).Output);
    }

    /// <summary>Q → (the operator, on integers) → DQ: no Q behind it, for its output has the input's parameters.</summary>
    private void MoveQuantized(QuantizedUnit unit, Node node)
    {
        var parameters = _plan.Activations[unit.Output.Name];
        var source = target.Quantizers[unit.Inputs[0].Name].Output;
        var quantized = target.Quantizers[unit.Output.Name].Output;
        var fill = _graph.AddInitializer(unit.Output.Name + "_fill", IntegerTypes.ToTensor(parameters.Type, [], [parameters.ZeroPoint]));
        var moved = _graph.AddNode(node.OpType, [source, node.Input(1), fill, .. node.Inputs.Skip(3)], unit.Output.Name + "_moved");
        foreach (var attribute in node.Attributes.Values)
        {
            moved.Set(attribute);
        }

        moved.Name = node.Name;
        quantized.ReplaceAllUsesWith(moved.Output);
    }
}
