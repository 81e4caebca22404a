using System.Collections.Frozen;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// The target of a Reshape of which all lengths but one are constants, as exporters compute it for an open batch, becomes a constant with -1 in that
/// place. ONNX Runtime cannot follow most such computations; with the constant it knows the shapes behind them, and so do the passes that ask it. An
/// Expand to the target of the Reshape in front of it changes nothing, where no length is 0.
/// </summary>
internal sealed class SimplifyShapes : GraphPass
{
    /// <summary>Operators that take lengths out of a Shape.</summary>
    private static readonly FrozenSet<string> Picking = ["Slice", "Gather", "Squeeze", "Unsqueeze", "Cast"];

    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(IsToItsOwnShape).ToArray())
        {
            node.Output.ReplaceAllUsesWith(node.Input(0)!);
            node.Graph.Remove(node);
        }

        var reshapes = Bodies.Nodes(model.Graph).Where(node => node.Is("Reshape") && node.Input(1) is { HasConstant: false }).ToArray();
        if (reshapes.Length == 0)
        {
            return;
        }

        var lengths = new ShapeLengths(model, reshapes.Select(node => node.Input(1)!));
        foreach (var node in reshapes)
        {
            if (lengths.Of(node.Input(1)!) is { IsDefault: false } target && target.Count(length => length is null) == 1 && target.All(length => length is null or > 0))
            {
                node.SetInput(1, node.Graph.AddInitializer(node.Output.Name + "_target", TensorData.Vector<long>([.. target.Select(length => length ?? -1)])));
            }
        }

        RemoveUnused.Prune(model.Graph);
    }

    private static bool IsToItsOwnShape(Node node) =>
        node.Is("Expand") && !node.Output.IsGraphOutput && node.Input(0) is { Producer: { } reshape } input && reshape.Is("Reshape") && input.Graph == node.Graph
        && reshape.Int("allowzero", 0) == 0 && reshape.Input(1) == node.Input(1)
        && ShapeLengths.Parts(node.Input(1)!).All(IsOfLengths);

    /// <summary>
    /// Where a length is 0, the Reshape copies the input's, and the Expand makes 0 of a 1. A length that is computed in any way, as from a condition, may be 0 beside a 1. One that
    /// comes from a Shape, such as the batch's, may not in a model that runs with others than 0 and 1: the Reshape's input has as many times the elements there, and none where it is 0.
    /// </summary>
    private static bool IsOfLengths(Value part) =>
        part is { IsConstant: true, Constant: { Type: ElementType.Int64 or ElementType.Int32 } constant } ? constant.ToLongs().All(length => length > 0)
        : part.Producer is { Domain: "" } node && (node.OpType == "Shape" || (Picking.Contains(node.OpType) && IsOfLengths(node.Input(0)!)));
}
