using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Weights of a model in half precision that stay float go back into the file as such, with a Cast that ONNX Runtime computes when it loads the model: nothing gets
/// twice as large.
/// </summary>
internal sealed class HalfStorage
{
    /// <summary>Less is not worth a node.</summary>
    private const int FewestElements = 256;

    private readonly bool _isHalf;
    private readonly bool _rounds;
    private readonly HashSet<string> _weights = [];

    /// <param name="given">As it came. Where all of it is half precision, what was found for weights since is rounded to that; else only what it holds is stored so.</param>
    /// <param name="prepared">Its constants are what is stored: others, such as scales, are not the model's own.</param>
    public HalfStorage(Model given, Model prepared)
    {
        _isHalf = WidenHalfPrecision.UsesHalf(given);
        if (_isHalf)
        {
            _rounds = !WidenHalfPrecision.Constants(given).Any(constant => constant is { Type: ElementType.Float, ElementCount: >= FewestElements });
            _weights.UnionWith(Bodies.Scopes(prepared.Graph).SelectMany(scope => scope.Initializers).Select(value => value.Name));
        }
    }

    public void Apply(Model model)
    {
        foreach (var graph in _isHalf ? Bodies.Scopes(model.Graph) : [])
        {
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
    }

    /// <summary>Fusions look for constants at the scales of operators on integers.</summary>
    private bool IsWeight(Value value) => value is { IsConstant: true, IsGraphOutput: false, Consumers: [_, ..], Constant: { Type: ElementType.Float, ElementCount: >= FewestElements } }
        && _weights.Contains(value.Name) && !value.Consumers.Any(use => use.Node.OpType.Contains("Linear", StringComparison.Ordinal) || use.Node.OpType.Contains("NBits", StringComparison.Ordinal));

    /// <summary>Null where half precision does not hold every element, or, where they are rounded, one is too large for it.</summary>
    private TensorData? Halved(TensorData tensor)
    {
        var source = tensor.AsSpan<float>();
        foreach (var element in source)
        {
            var half = (Half)element;
            if (_rounds ? Half.IsInfinity(half) && float.IsFinite(element) : (float)half != element)
            {
                return null;
            }
        }

        var halved = tensor.Derive<Half>(tensor.Dimensions, out var elements);
        for (var index = 0; index < elements.Length; index++)
        {
            elements[index] = (Half)source[index];
        }

        return halved;
    }
}
