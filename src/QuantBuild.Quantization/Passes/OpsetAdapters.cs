using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>How a node that was written for an opset below <paramref name="ChangedIn"/> says the same from there on; false where it cannot.</summary>
internal sealed record OpsetAdapter(string OpType, long ChangedIn, Func<Node, bool> Adapt);

/// <summary>
/// Every operator whose meaning or form changed incompatibly up to opset 13. All others only took on more types, or
/// attributes whose defaults are what they did before.
/// </summary>
internal static class OpsetAdapters
{
    private static readonly string[] ConsumedInputs =
    [
        "Abs", "BatchNormalization", "Ceil", "Clip", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid", "InstanceNormalization", "LeakyRelu", "Log",
        "Max", "Mean", "Min", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sum", "Tanh",
    ];

    public static ImmutableArray<OpsetAdapter> All { get; } =
    [
        .. ConsumedInputs.Select(type => new OpsetAdapter(type, 6, node => Drop(node, "consumed_inputs"))),
        .. new[] { "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less" }.Select(type => new OpsetAdapter(type, 7, Broadcast)),
        new("Gemm", 7, node => Drop(node, "broadcast")),
        new("PRelu", 7, _ => false),
        new("Concat", 4, node => Drop(node.Set("axis", node.Int("axis", 1)), "")),
        new("Cast", 6, CastTarget),
        new("Tile", 6, _ => false),
        new("Pad", 2, node => Rename(node, "paddings", "pads")),
        new("LpPool", 2, _ => false),
        new("GlobalLpPool", 2, _ => false),
        new("Split", 2, node => node.Inputs.Count == 1),
        new("Reshape", 5, node => AttributeToInput(node, "shape", 1)),
        new("LSTM", 7, _ => false),
        new("GRU", 7, _ => false),
        new("RNN", 7, _ => false),
        new("Upsample", 7, _ => false),
        new("BatchNormalization", 7, node => Drop(node, "is_test")),
        new("BatchNormalization", 9, node => node.Int("spatial", 1) == 1 && Drop(node, "spatial")),
        new("Scan", 9, _ => false),
        new("Upsample", 10, UpsampleToResize),
        new("Slice", 10, SliceInputs),
        new("TopK", 10, node => TopKInput(node)),
        new("ImageScaler", 10, ImageScalerToArithmetic),
        new("Crop", 10, CropToSlice),
        new("Affine", 10, node => ScaleAndShift(node, node.Float("alpha", 1), TensorData.Scalar(node.Float("beta", 0)))),
        .. new[] { "ATen", "DynamicSlice", "GivenTensorFill", "GRUUnit", "ParametricSoftplus", "ScaledTanh" }
            .Select(type => new OpsetAdapter(type, 10, _ => false)),
        new("Resize", 11, ResizeInputs),
        new("Clip", 11, ClipInputs),
        new("Pad", 11, PadInputs),
        new("Scatter", 11, node => Replace(node, "ScatterElements", node.Inputs)),
        new("Dropout", 12, node => Drop(Drop(node, "is_test") ? node : node, "ratio")),
        new("Squeeze", 13, node => AttributeToInput(node, "axes", 1)),
        new("Unsqueeze", 13, node => AttributeToInput(node, "axes", 1)),
        new("ReduceSum", 13, node => AttributeToInput(node, "axes", 1)),
        new("Split", 13, node => AttributeToInput(node, "split", 1)),
        .. new[] { "Softmax", "LogSoftmax", "Hardmax" }.Select(type => new OpsetAdapter(type, 13, FlattenedSoftmax)),
    ];

    private static bool Drop(Node node, string attribute)
    {
        node.RemoveAttribute(attribute);
        return true;
    }

    private static bool Rename(Node node, string attribute, string name)
    {
        if (node.Attributes.ContainsKey(attribute))
        {
            node.Set(name, node.Ints(attribute));
            node.RemoveAttribute(attribute);
        }

        return true;
    }

    private static bool Replace(Node node, string opType, IEnumerable<Value?> inputs)
    {
        var attributes = node.Attributes.Values.ToArray();
        var replacement = node.Graph.Replace(node, opType, inputs);
        Array.ForEach(attributes, attribute => replacement.Set(attribute));
        return true;
    }

    private static Value Constant(Node node, string name, TensorData data) =>
        node.Graph.AddInitializer($"{node.Output.Name}_{name}", data);

    /// <summary>A missing attribute leaves the input out.</summary>
    private static bool AttributeToInput(Node node, string attribute, int index)
    {
        if (node.Ints(attribute) is { IsDefault: false } values)
        {
            node.SetInput(index, Constant(node, attribute, TensorData.Vector(values.AsSpan())));
            node.RemoveAttribute(attribute);
        }

        return true;
    }

    /// <summary>Before opset 7 the second operand was aligned at an axis; from the right, as now, where none is given.</summary>
    private static bool Broadcast(Node node)
    {
        node.RemoveAttribute("consumed_inputs");
        var broadcast = node.Int("broadcast", 0) == 1;
        node.RemoveAttribute("broadcast");
        if (!broadcast || !node.Attributes.ContainsKey("axis"))
        {
            node.RemoveAttribute("axis");
            return true;
        }

        if (node.Input(0) is not { DeclaredShape: { IsDefault: false } shape } || node.Input(1)?.Constant is not { } operand)
        {
            return false;
        }

        var axis = (int)node.Int("axis", 0);
        var start = axis < 0 ? axis + shape.Length : axis;
        var trailing = shape.Length - start - operand.Rank;
        if (trailing < 0)
        {
            return false;
        }

        node.SetInput(1, Constant(node, "operand", operand.Reshape([.. operand.Dimensions, .. Enumerable.Repeat(1L, trailing)])));
        node.RemoveAttribute("axis");
        return true;
    }

    private static bool CastTarget(Node node)
    {
        var names = new Dictionary<string, ElementType>(StringComparer.OrdinalIgnoreCase)
        {
            ["FLOAT"] = ElementType.Float,
            ["INT32"] = ElementType.Int32,
            ["INT64"] = ElementType.Int64,
            ["BOOL"] = ElementType.Boolean,
            ["DOUBLE"] = ElementType.Double,
            ["UINT8"] = ElementType.UInt8,
            ["FLOAT16"] = ElementType.Float16,
        };
        return names.TryGetValue(node.Text("to", ""), out var type) && Drop(node.Set("to", (long)type), "");
    }

    private static bool UpsampleToResize(Node node)
    {
        var scales = node.Floats("scales") is { IsDefault: false } given ? Constant(node, "scales", TensorData.Vector(given.AsSpan())) : node.Input(1);
        if (scales is null)
        {
            return false;
        }

        var mode = node.Text("mode", "nearest");
        ResizeAsBefore(node.Graph.Replace(node, "Resize", [node.Input(0), null, scales]).Set("mode", mode));
        return true;
    }

    private static bool ResizeInputs(Node node)
    {
        if (node.Inputs.Count == 2)
        {
            node.SetInputs(node.Input(0), null, node.Input(1));
            ResizeAsBefore(node);
        }

        return true;
    }

    private static void ResizeAsBefore(Node node) =>
        node.Set("coordinate_transformation_mode", "asymmetric").Set("nearest_mode", "floor");

    private static bool SliceInputs(Node node)
    {
        var (starts, ends, axes) = (node.Ints("starts"), node.Ints("ends"), node.Ints("axes"));
        if (starts.IsDefault || ends.IsDefault)
        {
            return false;
        }

        axes = axes.IsDefault ? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)] : axes;
        node.SetInputs(
            node.Input(0), Constant(node, "starts", TensorData.Vector(starts.AsSpan())),
            Constant(node, "ends", TensorData.Vector(ends.AsSpan())), Constant(node, "axes", TensorData.Vector(axes.AsSpan())));
        return Drop(node, "starts") && Drop(node, "ends") && Drop(node, "axes");
    }

    private static bool TopKInput(Node node)
    {
        node.SetInput(1, Constant(node, "k", TensorData.Vector(node.Int("k", 1))));
        return Drop(node, "k");
    }

    private static bool ClipInputs(Node node)
    {
        foreach (var (index, name) in new[] { (1, "min"), (2, "max") })
        {
            if (node.Attributes.TryGetValue(name, out var bound))
            {
                node.SetInput(index, Constant(node, name, TensorData.Scalar(bound.Float)));
                node.RemoveAttribute(name);
            }
        }

        return true;
    }

    private static bool PadInputs(Node node)
    {
        if (node.Ints("pads").IsDefault)
        {
            return false;
        }

        var value = node.Float("value", 0);
        AttributeToInput(node, "pads", 1);
        node.SetInput(2, Constant(node, "value", TensorData.Scalar(value)));
        return Drop(node, "value");
    }

    /// <summary>x · scale + bias for each channel of an NCHW image.</summary>
    private static bool ImageScalerToArithmetic(Node node)
    {
        var bias = node.Floats("bias");
        return ScaleAndShift(node, node.Float("scale", 1), bias.IsDefault ? TensorData.Scalar(0f) : TensorData.Create([bias.Length, 1, 1], bias.AsSpan()));
    }

    private static bool ScaleAndShift(Node node, float scale, TensorData shift)
    {
        var factor = Constant(node, "scale", TensorData.Scalar(scale));
        var product = node.Graph.AddNode("Mul", [node.Input(0), factor], node.Output.Name + "_scaled", node);
        node.Graph.Replace(node, "Add", [product.Output, Constant(node, "shift", shift)]);
        return true;
    }

    /// <summary>Cuts the border (left, top, right, bottom) off an NCHW image; with a scale, the rest is cut to that size.</summary>
    private static bool CropToSlice(Node node)
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

    /// <summary>Before opset 13 everything from the axis on was one row; only on the last axis is that the same as now.</summary>
    private static bool FlattenedSoftmax(Node node)
    {
        var (axis, graph, input) = (node.Int("axis", 1), node.Graph, node.Input(0)!);
        if (axis != -1 && (input.DeclaredShape.IsDefault || axis != input.DeclaredShape.Length - 1))
        {
            var flat = graph.AddNode("Flatten", [input], node.Output.Name + "_flat", node).Set("axis", axis);
            var rows = graph.AddNode(node.OpType, [flat.Output], node.Output.Name + "_rows", node).Set("axis", -1L);
            var shape = graph.AddNode("Shape", [input], node.Output.Name + "_shape", node);
            graph.Replace(node, "Reshape", [rows.Output, shape.Output]);
            return true;
        }

        node.Set("axis", -1L);
        return true;
    }
}
