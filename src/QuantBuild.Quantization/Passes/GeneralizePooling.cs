using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>An average over the whole plane is a GlobalAveragePool, which has a fast INT8 kernel; AveragePool has none.</summary>
internal sealed class GeneralizePooling : GraphPass
{
    public override void Run(Model model)
    {
        var pools = Bodies.Nodes(model.Graph).Where(node => node.Is("AveragePool") && IsPlain(node) && node.Input(0) is not null).ToArray();
        var shapes = InferredShapes.Of(model, pools.Select(node => node.Input(0)!));
        foreach (var node in pools)
        {
            if (shapes.TryGetValue(node.Input(0)!, out var shape) && shape.Length > 2 && shape.Skip(2).SequenceEqual(node.Ints("kernel_shape").Select(length => (long?)length)))
            {
                node.Graph.Replace(node, "GlobalAveragePool", [node.Input(0)]);
            }
        }
    }

    private static bool IsPlain(Node node) =>
        !node.Ints("kernel_shape").IsDefault
        && node.Text("auto_pad", "NOTSET") is "NOTSET" or "VALID"
        && (node.Ints("pads").IsDefault || node.Ints("pads").All(pad => pad == 0))
        && (node.Ints("dilations").IsDefault || node.Ints("dilations").All(step => step == 1));
}
