using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Pruning;

/// <summary>How many numbers a model's weights have.</summary>
internal static class ParameterCount
{
    public static long Of(Model model) => Weights(model).Sum(tensor => tensor.ElementCount);

    public static long Zeros(Model model) => Weights(model).Where(tensor => tensor.Type == ElementType.Float).Sum(tensor => (long)tensor.AsSpan<float>().Count(0f));

    private static IEnumerable<TensorData> Weights(Model model) =>
        Bodies.Scopes(model.Graph).SelectMany(graph => graph.Initializers).Select(value => value.Constant!).Where(tensor => tensor.Type is ElementType.Float or ElementType.Double or ElementType.Float16);
}
