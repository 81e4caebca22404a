using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Weights of a model in half precision that stay float go back into the file as such, with a Cast that ONNX Runtime computes when it loads the model: nothing gets
/// twice as large. What was found for them since is rounded to the precision that the model has.
/// </summary>
internal static class HalfStorage
{
    /// <summary>Less is not worth a node.</summary>
    private const int FewestElements = 256;

    public static void Apply(Model model)
    {
        var graph = model.Graph;
        foreach (var value in graph.Initializers.Where(IsWeight).ToArray())
        {
            if (Halved(value.Constant!) is { } half)
            {
                var cast = graph.AddNode("Cast", [graph.AddInitializer(value.Name + "_half", half)], value.Name + "_float", graph.Nodes[0]).Set("to", (long)ElementType.Float);
                value.ReplaceAllUsesWith(cast.Output);
                graph.RemoveInitializer(value);
            }
        }
    }

    /// <summary>Scales, and what integer kernels and operators outside the standard read, stay as they are: fusions look for constants there.</summary>
    private static bool IsWeight(Value value) => value is { IsConstant: true, IsGraphOutput: false, Constant: { Type: ElementType.Float, ElementCount: >= FewestElements } }
        && value.Consumers.All(use => use.Node.Domain.Length == 0 && !use.Node.OpType.Contains("Linear", StringComparison.Ordinal));

    /// <summary>Null where an element is too large for half precision.</summary>
    private static TensorData? Halved(TensorData tensor)
    {
        var source = tensor.AsSpan<float>();
        var half = tensor.Derive<Half>(tensor.Dimensions, out var elements);
        for (var index = 0; index < elements.Length; index++)
        {
            elements[index] = (Half)source[index];
            if (Half.IsInfinity(elements[index]) && float.IsFinite(source[index]))
            {
                return null;
            }
        }

        return half;
    }
}
