using QuantBuild.Onnx;
using static QuantBuild.Quantization.Passes.Opsets.NodeEdits;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>Operators that were never more than experimental: ONNX Runtime knows them below opset 10 only.</summary>
internal static class ExperimentalAdapters
{
    /// <summary>alpha · x + beta</summary>
    public static bool Affine(Node node) => ScaleAndShift(node, node.Float("alpha", 1), TensorData.Scalar(node.Float("beta", 0)));

    /// <summary>x · scale + bias for each channel of an NCHW image.</summary>
    public static bool ImageScaler(Node node)
    {
        var bias = node.Floats("bias");
        return ScaleAndShift(node, node.Float("scale", 1), bias.IsDefault ? TensorData.Scalar(0f) : TensorData.Create([bias.Length, 1, 1], bias.AsSpan()));
    }

    public static bool Scale(Node node)
    {
        node.Graph.Replace(node, "Mul", [node.Input(0), Factor(node, "scale", node.Float("scale", 1))]);
        return true;
    }

    /// <summary>alpha · tanh(beta · x)</summary>
    public static bool ScaledTanh(Node node) => Scaled(node, "Tanh");

    /// <summary>alpha · ln(e^(beta · x) + 1)</summary>
    public static bool ParametricSoftplus(Node node) => Scaled(node, "Softplus");

    /// <summary>Cuts the border (left, top, right, bottom) off an NCHW image; with a scale, the rest is cut to that size.</summary>
    public static bool Crop(Node node)
    {
        if (node.Ints("border") is not { IsDefault: false, Length: 4 } border)
        {
            return false;
        }

        var scale = node.Ints("scale");
        long End(long start, long cut, int axis) => scale.IsDefault ? cut == 0 ? long.MaxValue : -cut : start + scale[axis];
        var ends = TensorData.Vector(End(border[1], border[3], 0), End(border[0], border[2], 1));
        node.Graph.Replace(node, "Slice", [
            node.Input(0), Constant(node, "starts", TensorData.Vector(border[1], border[0])), Constant(node, "ends", ends),
            Constant(node, "axes", TensorData.Vector(2L, 3L)),
        ]);
        return true;
    }

    private static Value Factor(Node node, string name, float value) => Constant(node, name, TensorData.Scalar(value));

    private static bool Scaled(Node node, string opType)
    {
        var (alpha, beta) = (node.Float("alpha", 1), node.Float("beta", 1));
        var inner = Before(node, opType, "unscaled", Before(node, "Mul", "scaled", node.Input(0), Factor(node, "beta", beta)));
        node.Graph.Replace(node, "Mul", [inner, Factor(node, "alpha", alpha)]);
        return true;
    }

    private static bool ScaleAndShift(Node node, float scale, TensorData shift)
    {
        var product = Before(node, "Mul", "scaled", node.Input(0), Factor(node, "scale", scale));
        node.Graph.Replace(node, "Add", [product, Constant(node, "shift", shift)]);
        return true;
    }
}
