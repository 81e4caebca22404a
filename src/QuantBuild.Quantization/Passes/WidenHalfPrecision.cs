using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
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
    private static readonly string[] TypeAttributes = ["to", "dtype", "output_datatype", "output_dtype"];

    public override void Run(Model model)
    {
        if (!UsesHalf(model) || InlineFunctions.Refusals(model).Any())
        {
            return;
        }

        var (trial, widened) = (model.Clone(), new Dictionary<string, TensorData>());
        Widen(trial, widened);
        if (Loads(trial))
        {
            Widen(model, widened);
        }
    }

    /// <summary>True for a model that computes in half precision, and not only rounds its outputs to it.</summary>
    public static bool UsesHalf(Model model) => model.Graph.Inputs.Any(input => input.DeclaredType == ElementType.Float16)
        || Constants(model).Any(constant => constant.Type == ElementType.Float16)
        || model.Graph.AllNodes.Any(node => node.Is("Cast") && node.Int("to", 0) == (int)ElementType.Float16 && !node.Output.IsGraphOutput);

    /// <summary>The constants of all scopes, also of nodes that make one.</summary>
    public static IEnumerable<TensorData> Constants(Model model) => Bodies.Scopes(model.Graph).SelectMany(scope => scope.Initializers).Select(value => value.Constant)
        .Concat(model.Graph.AllNodes.SelectMany(node => node.Attributes.Values).Select(attribute => attribute.Tensor)).OfType<TensorData>();

    private static bool Loads(Model model)
    {
        try
        {
            using var session = InferenceModel.Load(model, Optimization.None);
            return true;
        }
        catch (Exception exception) when (exception is InferenceException || (exception as QuantBuildException)?.Code == DiagnosticCodes.ModelTooLarge)
        {
            return false;
        }
    }

    /// <param name="model">Is changed.</param>
    /// <param name="widened">By name, constants as they were widened before, and are from now on.</param>
    private static void Widen(Model model, Dictionary<string, TensorData> widened)
    {
        var graph = model.Graph;
        Value[] inputs = [.. graph.Inputs.Where(input => input.DeclaredType == ElementType.Float16)];
        Value[] outputs = [.. graph.Outputs.Where(output => output.DeclaredType == ElementType.Float16 && !output.IsGraphInput).Distinct()];
        foreach (var value in Bodies.Scopes(graph).SelectMany(scope => scope.Values).ToArray())
        {
            if (value.Constant is { Type: ElementType.Float16 } half)
            {
                value.Constant = widened.TryGetValue(value.Name, out var known) ? known : widened[value.Name] = Widened(half);
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

        var first = graph.Nodes is [var begin, ..] ? begin : null;
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

        DropCasts(model);
    }

    private static void Widen(Node node)
    {
        foreach (var attribute in node.Attributes.Values.ToArray())
        {
            if (TypeAttributes.Contains(attribute.Name) && attribute.Int == (int)ElementType.Float16)
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

    /// <summary>Between what was half precision and what was not; they would stand between operators that belong together. Of bodies too little is known.</summary>
    private static void DropCasts(Model model)
    {
        var types = new InferredTypes(model);
        foreach (var node in model.Graph.Nodes.Where(node => node.Is("Cast") && node.Int("to", 0) == (int)ElementType.Float).ToArray())
        {
            if (node.Input(0) is { } input && types.TypeOf(input) == ElementType.Float && !(node.Output.IsGraphOutput && (input.Producer is null || input.IsGraphOutput)))
            {
                node.Output.ReplaceAllUsesWith(input);
                node.Graph.Remove(node);
            }
        }
    }
}
