using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>
/// Puts a value through Q and DQ. Scale and zero point may be inputs of the graph, so that they can change from run to run. ONNX Runtime's own
/// operators serve models of every opset.
/// </summary>
internal static class RoundingNodes
{
    private const string Domain = "com.microsoft";

    public static void Prepare(Model model) => model.SetOpset(Domain, 1);

    public static Value Add(Value value, Value scale, Value zeroPoint)
    {
        var quantized = value.Graph.AddNode("QuantizeLinear", [value, scale, zeroPoint], value.Name + "_q", null, Domain).Output;
        return value.Graph.AddNode("DequantizeLinear", [quantized, scale, zeroPoint], value.Name + "_dq", null, Domain).Output;
    }

    public static TensorData ZeroPoint(QuantizationParameters parameters) => IntegerTypes.ToTensor(parameters.Type, [], [parameters.ZeroPoint]);
}
