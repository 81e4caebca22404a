using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A sum or mean over the second of three axes becomes a product with a constant row. ONNX Runtime's kernel takes about ten times as long where the first
/// axis, the batch, has one element (512 × 256 floats: 150 µs against 12), and hardly less for larger batches.
/// </summary>
internal sealed class SpeedUpReductions : GraphPass
{
    /// <summary>The first whose Squeeze and ReduceSum have their axes as an input.</summary>
    private const long FirstOpset = 13;

    /// <summary>Of fewer elements the product takes as long.</summary>
    private const long FewestElements = 4096;

    public override void Run(Model model)
    {
        if (model.Opset < FirstOpset)
        {
            return;
        }

        var reductions = Bodies.Nodes(model.Graph).Where(node => (node.Is("ReduceSum") || node.Is("ReduceMean")) && node.Input(0) is { HasConstant: false } && AxisOf(node) is 1 or -2).ToArray();
        if (reductions.Length == 0)
        {
            return;
        }

        var (shapes, types) = (InferredShapes.Of(model, reductions.Select(node => node.Input(0)!)), new InferredTypes(model));
        foreach (var node in reductions)
        {
            if (types.TypeOf(node.Input(0)!) == ElementType.Float && shapes.TryGetValue(node.Input(0)!, out var shape)
                && shape is [null or 1, { } count, { } columns] && count * columns >= FewestElements)
            {
                Rewrite(node, count);
            }
        }
    }

    private static long? AxisOf(Node node)
    {
        ImmutableArray<long> axes = node.Input(1) is { } input ? input is { IsConstant: true, Constant: { Type: ElementType.Int64 } constant } ? constant.ToLongs() : [] : node.Ints("axes");
        return axes is { IsDefault: false, Length: 1 } ? axes[0] : null;
    }

    private static void Rewrite(Node node, long count)
    {
        var graph = node.Graph;
        var (input, hint, keepsAxis) = (node.Input(0)!, node.Output.Name, node.Int("keepdims", 1) == 1);
        var factor = node.Is("ReduceMean") ? 1f / count : 1;
        var row = graph.AddInitializer(hint + "_row", TensorData.Create<float>([1, count], Enumerable.Repeat(factor, (int)count).ToArray()));
        if (keepsAxis)
        {
            graph.Replace(node, "MatMul", [row, input]);
        }
        else
        {
            var product = graph.AddNode("MatMul", [row, input], hint + "_product", node).Output;
            graph.Replace(node, "Squeeze", [product, graph.AddInitializer(hint + "_axis", TensorData.Vector<long>(1))]);
        }
    }
}
