using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>The small steps that adapters are made of.</summary>
internal static class NodeEdits
{
    public static Value Constant(Node node, string name, TensorData data) => node.Graph.AddInitializer($"{node.Output.Name}_{name}", data);

    /// <summary>A new node in front of <paramref name="node"/>, and the value that it makes.</summary>
    public static Value Before(Node node, string opType, string name, params Value?[] inputs) =>
        node.Graph.AddNode(opType, inputs, $"{node.Output.Name}_{name}", node).Output;

    public static bool IsUsed(Value? output) => output is { Consumers.Count: > 0 } or { IsGraphOutput: true };

    /// <summary>True, so that it can be an adapter's last step.</summary>
    public static bool Drop(Node node, params ReadOnlySpan<string> attributes)
    {
        foreach (var attribute in attributes)
        {
            node.RemoveAttribute(attribute);
        }

        return true;
    }

    /// <summary>Another operator in the node's place, with its attributes.</summary>
    public static Node Replace(Node node, string opType, params IEnumerable<Value?> inputs)
    {
        var attributes = node.Attributes.Values.ToArray();
        var replacement = node.Graph.Replace(node, opType, inputs);
        Array.ForEach(attributes, attribute => replacement.Set(attribute));
        return replacement;
    }

    /// <summary>A missing attribute leaves the input out.</summary>
    public static bool AttributeToInput(Node node, string attribute, int index)
    {
        if (node.Ints(attribute) is { IsDefault: false } values)
        {
            node.SetInput(index, Constant(node, attribute, TensorData.Vector(values.AsSpan())));
        }

        return Drop(node, attribute);
    }

    /// <summary>A scalar of a floating-point type; single precision where the type is not known.</summary>
    public static TensorData Scalar(double value, ElementType type) => type switch
    {
        ElementType.Double => TensorData.Scalar(value),
        ElementType.Float16 => TensorData.Scalar((Half)value),
        _ => TensorData.Scalar((float)value),
    };
}
