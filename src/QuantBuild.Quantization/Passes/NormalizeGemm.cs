using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Gemm with constant B: alpha goes into B, beta into C, and C becomes a vector. ONNX Runtime fuses no other form.
/// </summary>
internal sealed class NormalizeGemm : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Gemm")).ToArray())
        {
            Scale(node, 1, "alpha");
            Scale(node, 2, "beta");
            if (node.Input(2) is null)
            {
                node.RemoveAttribute("beta");
            }

            if (node.Input(2) is { IsConstant: true, Constant: { Type: ElementType.Float } c } bias && Vector(node, c) is { } vector)
            {
                node.SetInput(2, node.Graph.AddInitializer(bias.Name + "_vector", vector));
            }
        }
    }

    private static void Scale(Node node, int input, string attribute)
    {
        var factor = node.Float(attribute, 1);
        if (factor != 1 && node.Input(input) is { IsConstant: true, Constant: { Type: ElementType.Float } tensor } value)
        {
            var scaled = tensor.Derive<float>(tensor.Dimensions, out var elements);
            TensorPrimitives.Multiply(tensor.AsSpan<float>(), factor, elements);
            node.SetInput(input, node.Graph.AddInitializer(value.Name + "_scaled", scaled));
            node.RemoveAttribute(attribute);
        }
    }

    /// <summary>Null where C already is a vector of the right length, or differs from row to row.</summary>
    private static TensorData? Vector(Node node, TensorData c)
    {
        if (node.Input(1)?.Constant is not { Rank: 2 } b)
        {
            return null;
        }

        var columns = b.Dimensions[node.Int("transB", 0) == 1 ? 0 : 1];
        return c.Rank == 1 && c.Dimensions[0] == columns ? null
            : c.ElementCount == columns && (c.Rank == 0 || c.Dimensions[^1] == columns) ? c.Reshape([columns])
            : c.ElementCount == 1 ? TensorData.Vector<float>([.. Enumerable.Repeat(c.ToFloats()[0], (int)columns)])
            : null;
    }
}
