using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>Constant nodes become initializers, where weights are looked for; in nested graphs too.</summary>
internal sealed class MoveConstantsToInitializers : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in model.Graph.AllNodes.Where(node => node.Is("Constant")).ToArray())
        {
            if (ValueOf(node) is { } data)
            {
                var output = node.Output;
                output.ReplaceAllUsesWith(node.Graph.AddInitializer(output.Name + "_value", data));
                node.Graph.Remove(node);
            }
        }
    }

    /// <summary>Null for strings and sparse tensors, which are nobody's weights.</summary>
    private static TensorData? ValueOf(Node node) => node.Attributes.Values.FirstOrDefault() is not { } attribute ? null : attribute.Name switch
    {
        "value" => attribute.Tensor,
        "value_float" => TensorData.Scalar(attribute.Float),
        "value_floats" => TensorData.Vector(attribute.Floats.AsSpan()),
        "value_int" => TensorData.Scalar(attribute.Int),
        "value_ints" => TensorData.Vector(attribute.Ints.AsSpan()),
        _ => null,
    };
}
