using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Gemm with constant B: alpha goes into B, beta into C, C becomes a vector, and transA a Transpose in front. ONNX Runtime fuses no other form with Q and DQ,
/// and makes one float Gemm of a Transpose and a Gemm that stay float.
/// </summary>
internal sealed class NormalizeGemm : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Gemm")).ToArray())
        {
            Scale(node, 1, "alpha");
            Scale(node, 2, "beta");
            TransposeFirst(node);
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

    private static void TransposeFirst(Node node)
    {
        if (node.Int("transA", 0) != 0 && node.Input(0) is { HasConstant: false } input && node.Input(1) is { IsConstant: true, Constant.Type: ElementType.Float })
        {
            node.SetInput(0, node.Graph.AddNode("Transpose", [input], input.Name + "_transposed", node).Set("perm", [1L, 0]).Output);
            node.RemoveAttribute("transA");
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
