using QuantBuild.Onnx;
using static QuantBuild.Quantization.Passes.Opsets.NodeEdits;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>Operators whose inputs and outputs became others.</summary>
internal static class StructureAdapters
{
    /// <summary>
    /// A Scan went over a batch, each element by itself: it becomes one over the batch with one over the sequence in its body. Sequences of unequal lengths
    /// have no counterpart.
    /// </summary>
    public static bool ScanOfBatches(Node node)
    {
        if (node.Input(0) is not null)
        {
            return false;
        }

        node.SetInputs([.. node.Inputs.Skip(1)]);
        if (node.Ints("directions") is { IsDefault: false } directions)
        {
            node.Set("scan_input_directions", directions);
        }

        Drop(node, "directions");
        var types = node.Subgraphs.Single().Inputs.Select(input => input.DeclaredType).ToArray();
        var outer = NodeEnclosure.Enclose(node, "Scan").Set("num_scan_inputs", (long)types.Length);
        foreach (var (input, type) in outer.Subgraphs.Single().Inputs.Zip(types))
        {
            input.DeclareType(type);
        }

        return true;
    }

    /// <summary>
    /// The mask of a Dropout, none of which trains before opset 12: 0 everywhere, as ONNX Runtime has it, and from then on true. It was of the input's type up
    /// to opset 9, then boolean. Where something reads it, a constant takes its place, and nothing is left of the Dropout.
    /// </summary>
    public static Func<Node, InferredTypes, bool> DropoutMask(bool isBoolean) => (node, types) =>
    {
        if (node.Outputs.ElementAtOrDefault(1) is { } mask && IsUsed(mask))
        {
            var type = isBoolean ? ElementType.Boolean : types.TypeOf(node.Input(0));
            if (type is not (ElementType.Boolean or ElementType.Float or ElementType.Double or ElementType.Float16))
            {
                return false;
            }

            var zeros = Before(node, "ConstantOfShape", "mask", Before(node, "Shape", "shape", node.Input(0)));
            zeros.Producer!.Set(NodeAttribute.Of("value", new TensorData(type, [1], new byte[type.BitsPerElement() / 8])));
            mask.ReplaceAllUsesWith(zeros);
            node.Output.ReplaceAllUsesWith(node.Input(0)!);
            node.Graph.Remove(node);
        }

        return true;
    };
}
