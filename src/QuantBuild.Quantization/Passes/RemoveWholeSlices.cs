using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>A Slice that takes everything, as tf2onnx writes it where an index is left open, is taken out: layers and what folds into them stand next to each other then.</summary>
internal sealed class RemoveWholeSlices : GraphPass
{
    /// <summary>What tf2onnx writes for an open end; no axis is as long.</summary>
    private const long OpenEnd = 1_000_000_000;

    public override void Run(Model model)
    {
        var slices = Bodies.Nodes(model.Graph).Where(IsFromTheBeginning).ToArray();
        if (slices.Length == 0)
        {
            return;
        }

        var shapes = InferredShapes.Proven(model, slices.Select(node => node.Input(0)!));
        foreach (var node in slices)
        {
            if (TakesAll(node, shapes.GetValueOrDefault(node.Input(0)!)))
            {
                node.Output.ReplaceAllUsesWith(node.Input(0)!);
                node.Graph.Remove(node);
            }
        }
    }

    /// <summary>Every element of each axis from the first on, up to an end that is known.</summary>
    private static bool IsFromTheBeginning(Node node) =>
        node.Is("Slice") && !node.Output.IsGraphOutput && node.Input(0) is { HasConstant: false } input && input.Graph == node.Graph
        && Numbers(node, 1) is { IsDefault: false } starts && starts.All(start => start == 0)
        && !Numbers(node, 2).IsDefault
        && (node.Input(3) is null || !Numbers(node, 3).IsDefault)
        && (node.Input(4) is null || (Numbers(node, 4) is { IsDefault: false } steps && steps.All(step => step == 1)));

    private static bool TakesAll(Node node, ImmutableArray<long?> shape)
    {
        var axes = Numbers(node, 3);
        return Numbers(node, 2).Index().All(entry => entry.Item >= OpenEnd || (!shape.IsDefault && LengthOf(axes.IsDefault ? entry.Index : axes[entry.Index]) <= entry.Item));

        long? LengthOf(long axis) => shape[(int)(axis < 0 ? axis + shape.Length : axis)];
    }

    private static ImmutableArray<long> Numbers(Node node, int index) =>
        node.Input(index) is { IsConstant: true, Constant: { Type: ElementType.Int64 or ElementType.Int32 } constant } ? constant.ToLongs() : default;
}
