using QuantBuild.Onnx;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Dynamic units: each run finds the range of the activation (DynamicQuantizeLinear), multiplies integers, and scales the sums by the product of both
/// scales. ONNX Runtime fuses the matrix form into one kernel.
/// </summary>
internal sealed class DynamicUnitWriter(RewriteTarget target)
{
    private readonly Graph _graph = target.Graph;
    private readonly Dictionary<(Value, SmoothingScales?), Activation> _activations = [];
    private readonly List<Node> _divisions = [];
    private readonly Dictionary<(Value Weights, bool IsTransposed, SmoothingScales?), Weights> _weights = [];

    public void Write()
    {
        foreach (var (unit, node) in target.Units(UnitForm.Dynamic))
        {
            if (unit.Rule.Role == OperatorRole.Recurrent)
            {
                new RecurrentUnitWriter(target).Write(node);
            }
            else if (node.Is("Conv"))
            {
                WriteConvolution(unit, node);
            }
            else
            {
                WriteProduct(unit, node);
            }
        }

        // Only now do all products read what is divided.
        _divisions.ForEach(SmoothingFolding.Fold);
    }

    /// <summary>The input as unsigned bytes; quantized once, however many read it.</summary>
    private Activation Quantize(Value value, SmoothingScales? smoothing = null)
    {
        if (!_activations.TryGetValue((value, smoothing), out var activation))
        {
            var given = smoothing is null ? value : Divide(value, smoothing);
            var (quantized, scale, zeroPoint) = (
                _graph.AddValue(value.Name + "_quantized"), _graph.AddValue(value.Name + "_scale"), _graph.AddValue(value.Name + "_zero_point"));
            _graph.AddNode("DynamicQuantizeLinear", [given], [quantized, scale, zeroPoint]);
            activation = new(quantized, scale, zeroPoint);
            _activations[(value, smoothing)] = activation;
        }

        return activation;
    }

    private Value Divide(Value value, SmoothingScales smoothing)
    {
        var division = _graph.AddNode("Mul", [value, _graph.AddInitializer(value.Name + "_factors", smoothing.Inverse)], value.Name + "_smooth");
        _divisions.Add(division);
        return division.Output;
    }

    private void WriteProduct(QuantizedUnit unit, Node node)
    {
        var smoothing = target.Plan.SmoothingOf(unit);
        var activation = Quantize(node.Input(0)!, smoothing);
        var key = (node.Input(1)!, node.Int("transB", 0) == 1, smoothing);
        if (!_weights.TryGetValue(key, out var weights))
        {
            weights = AddMatrix(unit, key.Item1, key.Item2);
            _weights[key] = weights;
        }

        var sums = _graph.AddNode("MatMulInteger", [activation.Quantized, weights.Elements, activation.ZeroPoint, weights.ZeroPoint], node.Output.Name + "_sums").Output;
        Finish(unit, node, sums, new(activation.Scale, weights.Scale, bias => TensorData.Vector<float>(bias)));
    }

    private Weights AddMatrix(QuantizedUnit unit, Value value, bool isTransposed)
    {
        var quantized = target.Plan.QuantizedWeightsOf(unit);
        quantized = isTransposed ? quantized.Transpose() : quantized;
        var (scale, zeroPoint) = target.Operands.AddParameters(quantized.Elements.Dimensions, quantized.Parameters, value.Name);
        return new(_graph.AddInitializer(value.Name + "_quantized", quantized.Elements), scale, zeroPoint);
    }

    private void WriteConvolution(QuantizedUnit unit, Node node)
    {
        var activation = Quantize(node.Input(0)!);
        var key = (node.Input(1)!, false, (SmoothingScales?)null);
        var rank = key.Item1.Constant!.Rank;
        if (!_weights.TryGetValue(key, out var weights))
        {
            weights = AddKernels(unit, key.Item1);
            _weights[key] = weights;
        }

        Value?[] inputs = [activation.Quantized, weights.Elements, activation.ZeroPoint, weights.ZeroPoint];
        var convolution = _graph.AddNode("ConvInteger", inputs, node.Output.Name + "_sums");
        foreach (var attribute in node.Attributes.Values)
        {
            convolution.Set(attribute);
        }

        Finish(unit, node, convolution.Output, new(activation.Scale, weights.Scale, bias => AlongChannels(bias, rank)));
    }

    /// <summary>The kernel takes one zero point for all channels.</summary>
    private Weights AddKernels(QuantizedUnit unit, Value value)
    {
        var (elements, parameters) = target.Plan.QuantizedWeightsOf(unit);
        return new(
            _graph.AddInitializer(value.Name + "_quantized", elements),
            _graph.AddInitializer(value.Name + "_scale", AlongChannels(parameters.Scales.AsSpan(), elements.Rank)),
            _graph.AddInitializer(value.Name + "_zero_point", IntegerTypes.ToTensor(parameters.Type, [], [parameters.ZeroPoint])));
    }

    /// <summary>Channels of an output lie on axis 1.</summary>
    private static TensorData AlongChannels(ReadOnlySpan<float> values, int rank) =>
        TensorData.Create<float>([values.Length, .. Enumerable.Repeat(1L, rank - 2)], values);

    /// <summary>int32 sums → float, times both scales, plus the bias; the last operator makes what the float one made.</summary>
    private void Finish(QuantizedUnit unit, Node node, Value sums, Scaling scaling)
    {
        var name = node.Output.Name;
        var real = _graph.AddNode("Cast", [sums], name + "_cast").Set("to", (long)ElementType.Float).Output;
        var scale = _graph.AddNode("Mul", [scaling.Activation, scaling.Weights], name + "_scales").Output;
        if (target.CorrectedBias(unit) is not { } bias)
        {
            _graph.Replace(node, "Mul", [real, scale]);
            return;
        }

        var product = _graph.AddNode("Mul", [real, scale], name + "_product").Output;
        var operand = _graph.AddInitializer((node.Input(2)?.Name ?? name + "_bias") + "_channels", scaling.Along(bias));
        _graph.Replace(node, "Add", [product, operand]);
    }

    private sealed record Activation(Value Quantized, Value Scale, Value ZeroPoint);

    private sealed record Weights(Value Elements, Value Scale, Value ZeroPoint);

    private sealed record Scaling(Value Activation, Value Weights, Func<float[], TensorData> Along);
}
