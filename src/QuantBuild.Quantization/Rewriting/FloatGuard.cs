using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// An operator behind a DQ that changes no value and that ONNX Runtime does not take away: what it makes of a DQ and the operators behind it ends there.
/// </summary>
internal static class FloatGuard
{
    /// <summary>The opset in which the limits of Clip became inputs.</summary>
    public const long LimitsAreInputs = 11;

    public static Value Behind(Graph graph, Value value, long opset) => opset >= LimitsAreInputs
        ? graph.AddNode("Clip", [value, graph.AddInitializer(value.Name + "_lowest", TensorData.Scalar(float.MinValue))], value.Name + "_float").Output
        : graph.AddNode("Clip", [value], value.Name + "_float").Output;
}
