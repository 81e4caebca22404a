using QuantBuild.Onnx;
using static QuantBuild.Quantization.Passes.Opsets.NodeEdits;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>Upsample, then Resize, then a Resize that is told how its coordinates relate.</summary>
internal static class ResizeAdapters
{
    public static bool ScalesToInput(Node node)
    {
        node.SetInput(1, Constant(node, "scales", TensorData.Vector(node.Floats("scales").AsSpan())));
        return Drop(node, "scales");
    }

    public static bool UpsampleToResize(Node node)
    {
        Replace(node, "Resize", node.Inputs.ToArray());
        return true;
    }

    /// <summary>
    /// The nearest element was, as ONNX Runtime has it, the one below where an axis grows and the one above where it shrinks. The newer operator
    /// does the same on all axes, so that there are two of them unless the scales are known to go one way.
    /// </summary>
    public static bool SpellCoordinates(Node node)
    {
        var (input, scales) = (node.Input(0), node.Input(1)!);
        var known = scales.Constant?.ToFloats();
        var shrinks = known?.Any(scale => scale < 1) ?? true;
        var grows = known?.Any(scale => scale > 1) ?? true;
        if (node.Text("mode", "nearest") == "nearest" && shrinks && grows)
        {
            var one = Constant(node, "one", TensorData.Vector(1f));
            input = Before(node, "Resize", "grown", input, null, Before(node, "Max", "growth", scales, one));
            Spell(input.Producer!, "floor");
            scales = Before(node, "Min", "shrinkage", scales, one);
        }

        node.SetInputs(input, null, scales);
        Spell(node, shrinks ? "ceil" : "floor");
        return true;
    }

    private static void Spell(Node resize, string nearest) => resize.Set("coordinate_transformation_mode", "asymmetric").Set("nearest_mode", nearest);
}
