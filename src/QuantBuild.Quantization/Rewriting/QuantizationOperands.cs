using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Writes Q and DQ nodes of activations into a graph; equal parameters share their scale and zero point.</summary>
internal sealed class QuantizationOperands
{
    private const string MicrosoftDomain = "com.microsoft";
    private readonly Graph _graph;
    private readonly Dictionary<(float Scale, int ZeroPoint), (Value Scale, Value ZeroPoint)> _parameters = [];

    /// <summary>The domain of the operators: ONNX's own know channels from opset 13 on.</summary>
    public QuantizationOperands(Model model)
    {
        _graph = model.Graph;
        Domain = model.Opset >= Passes.RaiseOpset.Sufficient ? "" : MicrosoftDomain;
        if (Domain.Length > 0)
        {
            model.SetOpset(MicrosoftDomain, 1);
        }
    }

    public string Domain { get; }

    public Node Quantize(Value value, QuantizationParameters parameters, string hint) =>
        _graph.AddNode("QuantizeLinear", Operands(value, parameters, hint), hint + "_quantized", null, Domain);

    public Node Dequantize(Value value, QuantizationParameters parameters, string hint) =>
        _graph.AddNode("DequantizeLinear", Operands(value, parameters, hint), hint + "_dequantized", null, Domain);

    private Value[] Operands(Value value, QuantizationParameters parameters, string hint)
    {
        var key = (parameters.Scale, parameters.ZeroPoint);
        if (!_parameters.TryGetValue(key, out var operands))
        {
            operands = (
                _graph.AddInitializer(hint + "_scale", TensorData.Scalar(parameters.Scale)),
                _graph.AddInitializer(hint + "_zero_point", TensorData.Scalar((byte)parameters.ZeroPoint)));
            _parameters[key] = operands;
        }

        return [value, operands.Scale, operands.ZeroPoint];
    }
}
