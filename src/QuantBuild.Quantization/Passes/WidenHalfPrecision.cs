using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A model in half precision computes in single precision, as ONNX Runtime has it anyhow on processors without kernels for the former, with a Cast on either side of
/// most operators; inputs and outputs keep their types. Where ONNX Runtime does not take the result the model stays as it is.
/// </summary>
internal sealed class WidenHalfPrecision : GraphPass
{
    /// <summary>What operators call the type that they make.</summary>
    private static readonly string[] _typeAttributes = ["to", "dtype", "output_datatype"];

    public override void Run(Model model)
    {
        if (!UsesHalf(model) || InlineFunctions.Refusals(model).Any())
        {
            return;
        }

        var trial = model.Clone();
        Widen(trial);
        if (Loads(trial))
        {
            Widen(model);
            DropCasts(model);
        }
    }

    /// <summary>True for weights or inputs of half precision.</summary>
    public static bool UsesHalf(Model model) => model.Graph.Inputs.Any(input => input.DeclaredType == ElementType.Float16)
        || Bodies.Scopes(model.Graph).Any(scope => scope.Initializers.Any(value => value.Constant?.Type == ElementType.Float16));

    private static bool Loads(Model model)
    {
        try
        {
            using var session = InferenceModel.Load(model, Optimization.None);
            return true;
        }
        catch (InferenceException)
        {
            return false;
        }
    }

    private static void Widen(Model model)
    {
        var graph = model.Graph;
        Value[] inputs = [.. graph.Inputs.Where(input => input.DeclaredType == ElementType.Float16)];
        Value[] outputs = [.. graph.Outputs.Where(output => output.DeclaredType == ElementType.Float16 && !output.IsGraphInput).Distinct()];
        foreach (var value in Bodies.Scopes(graph).SelectMany(scope => scope.Values).ToArray())
        {
            if (value.Constant is { Type: ElementType.Float16 } half)
            {
                value.Constant = Widened(half);
            }

            if (value.DeclaredType == ElementType.Float16 && !inputs.Contains(value) && !outputs.Contains(value))
            {
                value.DeclareType(ElementType.Float);
            }
        }

        foreach (var node in graph.AllNodes)
        {
            Widen(node);
        }

        var first = graph.Nodes.FirstOrDefault();
        foreach (var input in inputs)
        {
            var uses = input.Consumers.ToArray();
            var cast = Cast(graph, input, ElementType.Float, first);
            Array.ForEach(uses, use => use.Node.SetInput(use.Index, cast));
        }

        foreach (var output in outputs)
        {
            // The name goes to what leaves the model; all that read the value inside go on reading it.
            var (uses, shape) = (output.Consumers.ToArray(), output.DeclaredShape);
            var cast = Cast(graph, output, ElementType.Float16, null);
            output.ReplaceAllUsesWith(cast);
            output.Declare(ElementType.Float, shape);
            Array.ForEach([.. uses, new(cast.Producer!, 0)], use => use.Node.SetInput(use.Index, output));
        }
    }

    private static void Widen(Node node)
    {
        foreach (var attribute in node.Attributes.Values.ToArray())
        {
            if (_typeAttributes.Contains(attribute.Name) && attribute.Int == (int)ElementType.Float16)
            {
                node.Set(attribute.Name, (long)ElementType.Float);
            }
            else if (attribute.Tensor is { Type: ElementType.Float16 } half)
            {
                node.Set(NodeAttribute.Of(attribute.Name, Widened(half)));
            }
        }
    }

    private static Value Cast(Graph graph, Value value, ElementType type, Node? position) =>
        graph.AddNode("Cast", [value], $"{value.Name}_{(type == ElementType.Float ? "float" : "half")}", position).Set("to", (long)type).Output;

    private static TensorData Widened(TensorData half)
    {
        var widened = half.Derive<float>(half.Dimensions, out var elements);
        var source = half.AsSpan<Half>();
        for (var index = 0; index < elements.Length; index++)
        {
            elements[index] = (float)source[index];
        }

        return widened;
    }

    /// <summary>Between what was half precision and what was not; they would stand between operators that belong together.</summary>
    private static void DropCasts(Model model)
    {
        var types = new InferredTypes(model);
        foreach (var node in model.Graph.AllNodes.Where(node => node.Is("Cast") && node.Int("to", 0) == (int)ElementType.Float).ToArray())
        {
            if (node.Input(0) is { } input && input.Graph == node.Graph && types.TypeOf(input) == ElementType.Float && !(node.Output.IsGraphOutput && (input.Producer is null || input.IsGraphOutput)))
            {
                node.Output.ReplaceAllUsesWith(input);
                node.Graph.Remove(node);
            }
        }
    }
}
