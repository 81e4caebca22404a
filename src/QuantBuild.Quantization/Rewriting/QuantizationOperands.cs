using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Writes Q and DQ nodes into one scope of a model; activations with equal parameters share their scale and zero point.</summary>
internal sealed class QuantizationOperands(Model model, Graph scope)
{
    public const string MicrosoftDomain = "com.microsoft";

    private readonly Graph _graph = scope;
    private readonly Dictionary<QuantizationParameters, (Value Scale, Value ZeroPoint)> _parameters = [];

    public long Opset => model.Opset;

    public Node Quantize(Value value, QuantizationParameters parameters, string hint) => Activation("QuantizeLinear", value, parameters, hint);

    public Node Dequantize(Value value, QuantizationParameters parameters, string hint) => Activation("DequantizeLinear", value, parameters, hint);

    /// <summary>Constant integers as an initializer, and the DQ that makes floats of them.</summary>
    public Node DequantizeConstant(QuantizedWeights weights, string hint)
    {
        var (elements, parameters) = weights;
        var (scale, zeroPoint) = AddParameters(elements.Dimensions, parameters, hint);
        var node = _graph.AddNode(
            "DequantizeLinear", [_graph.AddInitializer(hint + "_quantized", elements), scale, zeroPoint], hint + "_dequantized", null, DomainOf(parameters.Type));
        return parameters.Granularity switch
        {
            Granularity.PerChannel channels => node.Set("axis", (long)channels.Axis),
            Granularity.PerBlock blocks => node.Set("axis", (long)blocks.Axis).Set("block_size", (long)blocks.Size),
            _ => node,
        };
    }

    /// <summary>Scales and zero points as initializers, in the shapes that DequantizeLinear takes.</summary>
    public (Value Scale, Value ZeroPoint) AddParameters(ImmutableArray<long> dimensions, QuantizationParameters parameters, string hint)
    {
        var shape = parameters.Granularity.ScaleDimensions(dimensions);
        return (
            _graph.AddInitializer(hint + "_scale", TensorData.Create<float>(shape, parameters.Scales.AsSpan())),
            _graph.AddInitializer(hint + "_zero_point", IntegerTypes.ToTensor(parameters.Type, shape, parameters.ZeroPoints.AsSpan())));
    }

    /// <summary>Makes the runtime's own operators known to the model.</summary>
    public string UseMicrosoftDomain()
    {
        if (!model.Opsets.ContainsKey(MicrosoftDomain))
        {
            model.SetOpset(MicrosoftDomain, 1);
        }

        return MicrosoftDomain;
    }

    /// <summary>ONNX's own operators know channels from opset 13 on, and types of other than 8 bits from 21 on; the runtime's know both before.</summary>
    public string DomainOf(ElementType type) =>
        model.Opset >= RaiseOpset.SufficientForBlocks || (model.Opset >= RaiseOpset.Sufficient && type is ElementType.UInt8 or ElementType.Int8 or ElementType.Int32) ? "" : UseMicrosoftDomain();

    private Node Activation(string opType, Value value, QuantizationParameters parameters, string hint)
    {
        if (!_parameters.TryGetValue(parameters, out var operands))
        {
            operands = AddParameters([], parameters, hint);
            _parameters[parameters] = operands;
        }

        return _graph.AddNode(opType, [value, operands.Scale, operands.ZeroPoint], hint + (opType == "QuantizeLinear" ? "_quantized" : "_dequantized"), null, DomainOf(parameters.Type));
    }
}
