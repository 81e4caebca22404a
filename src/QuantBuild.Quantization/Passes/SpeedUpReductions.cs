using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A sum or mean over the second of three axes is taken in two steps, of some parts and then of those. ONNX Runtime's kernel takes about ten times as long
/// where the first axis, the batch, has one element; with the parts it has some (512 × 256 floats: 220 µs, and 17 in two steps).
/// </summary>
internal sealed class SpeedUpReductions : GraphPass
{
    /// <summary>Of fewer elements two steps take as long.</summary>
    private const long FewestElements = 4096;

    /// <summary>More parts leave more to the second step.</summary>
    private static readonly int[] Parts = [4, 5, 6, 7, 8, 3, 2];

    public override void Run(Model model)
    {
        var reductions = Bodies.Nodes(model.Graph).Where(node => (node.Is("ReduceSum") || node.Is("ReduceMean")) && node.Input(0) is { HasConstant: false } && AxisOf(node) is 1 or -2).ToArray();
        if (reductions.Length == 0)
        {
            return;
        }

        var shapes = InferredShapes.Proven(model, reductions.Select(node => node.Input(0)!));
        foreach (var node in reductions)
        {
            if (shapes.TryGetValue(node.Input(0)!, out var shape) && shape is [null or 1, { } count, { } columns] && count * columns >= FewestElements
                && Parts.FirstOrDefault(parts => count % parts == 0) is > 1 and var parts)
            {
                Divide(node, count, columns, parts);
            }
        }
    }

    private static long? AxisOf(Node node)
    {
        var axes = node.Input(1) is { } input ? input is { IsConstant: true, Constant: { Type: ElementType.Int64 } constant } ? constant.ToLongs() : [] : node.Ints("axes");
        return axes is { IsDefault: false, Length: 1 } ? axes[0] : null;
    }

    private static void Divide(Node node, long count, long columns, int parts)
    {
        var (graph, hint) = (node.Graph, node.Output.Name);
        var divided = graph.AddNode("Reshape", [node.Input(0), Shape(count / parts)], hint + "_divided", node).Output;
        var first = graph.AddNode(node.OpType, node.Inputs.Count > 1 ? [divided, node.Input(1)] : [divided], hint + "_parts", node).Set("keepdims", 0);
        if (node.Ints("axes") is { IsDefault: false } axes)
        {
            first.Set("axes", axes);
        }

        node.SetInput(0, graph.AddNode("Reshape", [first.Output, Shape(parts)], hint + "_together", node).Output);

        Value Shape(long length) => graph.AddInitializer(hint + "_shape", TensorData.Vector<long>(-1, length, columns));
    }
}
