using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Writes a plan into a copy of the model as QuantizeLinear and DequantizeLinear around whole units.</summary>
internal sealed class QdqRewriter
{
    private readonly Model _model;
    private readonly Graph _graph;
    private readonly QuantizationPlan _plan;
    private readonly QuantizationOperands _operands;
    private readonly Dictionary<string, Value> _quantized = [];
    private readonly Dictionary<(Value, int), Value> _weights = [];

    private QdqRewriter(Model model, QuantizationPlan plan)
    {
        _model = model.Clone();
        _graph = _model.Graph;
        _plan = plan;
        _operands = new(_model);
    }

    /// <summary>Returns the quantized model; the given one, whose nodes the plan names, stays as it is.</summary>
    public static Model Rewrite(Model model, QuantizationPlan plan)
    {
        var rewriter = new QdqRewriter(model, plan);
        rewriter.Rewrite(model);
        GraphVerifier.Verify(rewriter._model, "After rewriting");
        return rewriter._model;
    }

    private void Rewrite(Model model)
    {
        var nodes = model.Graph.Nodes.Zip(_graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var unit in _plan.Units)
        {
            QuantizeWeights(unit, nodes[unit.Node]);
        }

        foreach (var value in QuantizationPlanner.QuantizedValues(_plan.Placement))
        {
            QuantizeValue(value, nodes);
        }

        foreach (var unit in _plan.Units.Where(unit => unit.Rule.Role == OperatorRole.MovingQuantized))
        {
            MoveQuantized(unit, nodes[unit.Node]);
        }

        TopologicalOrder.Restore(_graph);
        Passes.RemoveUnused.Prune(_graph);
    }

    /// <summary>value → Q → DQ → its INT8 readers; every other reader too where an INT8 kernel makes the value.</summary>
    private void QuantizeValue(Value original, Dictionary<Node, Node> nodes)
    {
        var value = _graph.Find(original.Name)!;
        var parameters = _plan.Activations[original.Name];
        var readers = original.Consumers.Where(use => _plan.Placement.ReadByUnit(original) && IsInt8Reader(use, original))
            .Select(use => new Use(nodes[use.Node], use.Index)).ToArray();
        var hint = value.Name;
        var quantize = _operands.Quantize(value, parameters, hint);
        var dequantize = _operands.Dequantize(quantize.Output, parameters, hint);
        _quantized[original.Name] = quantize.Output;
        if (_plan.Placement.ProducerOf(original) is not null)
        {
            value.ReplaceAllUsesWith(dequantize.Output);
            quantize.SetInput(0, value);
        }

        foreach (var use in readers)
        {
            use.Node.SetInput(use.Index, dequantize.Output);
        }
    }

    private bool IsInt8Reader(Use use, Value value) =>
        _plan.Units.Any(unit => unit.Node == use.Node && unit.Inputs.Contains(value) && unit.Rule.DataInputs(use.Node).Contains(use.Index));

    private void QuantizeWeights(QuantizedUnit unit, Node node)
    {
        if (unit.Rule.ChannelAxis is { } axisOf)
        {
            var axis = axisOf(node);
            var inputScale = _plan.Activations[unit.Inputs[0].Name].Scale;
            var bias = CorrectedBias(unit, node);
            var (weights, scales) = Weights(node, axis, SmallestScales(node, axis, inputScale, bias));
            node.SetInput(1, weights);
            if (bias is not null)
            {
                node.SetInput(2, Bias(node, bias, [.. scales.Select(scale => scale * inputScale)]));
            }
        }

        if (unit.Node.Is("Add"))
        {
            foreach (var index in new[] { 0, 1 })
            {
                QuantizeOperand(node, index);
            }
        }
    }

    /// <summary>Null where there is none and none is needed; a layer without a bias gets one to correct.</summary>
    private float[]? CorrectedBias(QuantizedUnit unit, Node node)
    {
        var bias = unit.Rule.HasBias ? node.Input(2)?.Constant?.ToFloats() : null;
        return unit.Rule.HasBias && _plan.BiasCorrections.TryGetValue(unit.Node.Output.Name, out var means)
            ? [.. means.Select((mean, channel) => (float)((bias?[channel] ?? 0) - mean))]
            : bias;
    }

    /// <summary>Empty where every channel's bias fits into an int32 at the scale that the weights want.</summary>
    private static double[] SmallestScales(Node node, int axis, float inputScale, float[]? bias)
    {
        if (bias is null)
        {
            return [];
        }

        // Half of the int32 range is left to the sum of products.
        var smallest = bias.Select(value => Math.Abs((double)value) / inputScale / (1 << 30)).ToArray();
        return smallest.Zip(WeightQuantization.Scales(node.Input(1)!.Constant!, axis, [])).Any(pair => pair.First > pair.Second) ? smallest : [];
    }

    private (Value Dequantized, IReadOnlyList<float> Scales) Weights(Node node, int axis, double[] smallestScales)
    {
        var value = node.Input(1)!;
        var (quantized, parameters) = WeightQuantization.Quantize(value.Constant!, axis, smallestScales);
        if (smallestScales.Length == 0 && _weights.TryGetValue((value, axis), out var shared))
        {
            return (shared, parameters.Scales);
        }

        var dequantize = _graph.AddNode(
            "DequantizeLinear",
            [
                _graph.AddInitializer(value.Name + "_quantized", quantized),
                _graph.AddInitializer(value.Name + "_scale", TensorData.Vector(parameters.Scales.AsSpan())),
                _graph.AddInitializer(value.Name + "_zero_point", TensorData.Vector<sbyte>(new sbyte[parameters.Scales.Length])),
            ],
            value.Name + "_dequantized", null, _operands.Domain).Set("axis", (long)axis);
        if (smallestScales.Length == 0)
        {
            _weights[(value, axis)] = dequantize.Output;
        }

        return (dequantize.Output, parameters.Scales);
    }

    private Value Bias(Node node, float[] bias, float[] scales)
    {
        var name = node.Input(2)?.Name ?? node.Output.Name + "_bias";
        int[] quantized = [.. bias.Zip(scales, (value, scale) => AffineQuantization.Quantize(value, scale, 0, ElementType.Int32))];
        return _graph.AddNode(
            "DequantizeLinear",
            [
                _graph.AddInitializer(name + "_quantized", TensorData.Vector<int>(quantized)),
                _graph.AddInitializer(name + "_scale", TensorData.Vector<float>(scales)),
                _graph.AddInitializer(name + "_zero_point", TensorData.Vector<int>(new int[scales.Length])),
            ],
            name + "_dequantized", null, _operands.Domain).Set("axis", 0L).Output;
    }

    /// <summary>A constant operand of an Add is an activation that never changes.</summary>
    private void QuantizeOperand(Node node, int index)
    {
        if (node.Input(index) is not { IsConstant: true } value)
        {
            return;
        }

        var elements = value.Constant!.ToFloats();
        var range = elements.Aggregate(TensorRange.Empty, (union, element) => union.Union(new(element, element)));
        var parameters = AffineQuantization.ChooseParameters(range, ElementType.UInt8);
        byte[] quantized = [.. elements.Select(element => (byte)AffineQuantization.Quantize(element, parameters.Scale, parameters.ZeroPoint, ElementType.UInt8))];
        var constant = _graph.AddInitializer(value.Name + "_quantized", TensorData.Create<byte>(value.Constant.Dimensions, quantized));
        node.SetInput(index, _operands.Dequantize(constant, parameters, value.Name).Output);
    }

    /// <summary>Q → (the operator, on bytes) → DQ: no Q behind it, for its output has the input's parameters.</summary>
    private void MoveQuantized(QuantizedUnit unit, Node node)
    {
        var parameters = _plan.Activations[unit.Output.Name];
        var source = _quantized[unit.Inputs[0].Name];
        var quantized = _quantized[unit.Output.Name];
        var fill = _graph.AddInitializer(unit.Output.Name + "_fill", TensorData.Scalar((byte)parameters.ZeroPoint));
        var moved = _graph.AddNode(node.OpType, [source, node.Input(1), fill, .. node.Inputs.Skip(3)], unit.Output.Name + "_moved");
        foreach (var attribute in node.Attributes.Values)
        {
            moved.Set(attribute);
        }

        moved.Name = node.Name;
        quantized.ReplaceAllUsesWith(moved.Output);
    }
}
