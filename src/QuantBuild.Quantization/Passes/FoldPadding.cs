using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>A Pad with zeros around the plane that a convolution reads becomes the convolution's own padding, which costs nothing.</summary>
internal sealed class FoldPadding : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(node => node.Is("Conv")).ToArray())
        {
            if (node.Input(0) is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } pad } && pad.Graph == node.Graph
                && node.Text("auto_pad", "NOTSET") is "NOTSET" or "VALID" && PadsOf(pad) is { } pads)
            {
                var own = node.Ints("pads") is { IsDefault: false } given ? given : [.. new long[pads.Length]];
                if (own.Length == pads.Length)
                {
                    node.RemoveAttribute("auto_pad");
                    node.Set("pads", [.. own.Zip(pads, (one, other) => one + other)]);
                    node.SetInput(0, pad.Input(0));
                    pad.Graph.Remove(pad);
                }
            }
        }
    }

    /// <summary>The beginnings, then the ends, of all axes but batch and channels; null where anything else is padded, or with anything but zeros.</summary>
    private static ImmutableArray<long>? PadsOf(Node node)
    {
        if (!node.Is("Pad") || node.Text("mode", "constant") != "constant" || node.Input(3) is not null
            || node.Input(1) is not { IsConstant: true, Constant: { Type: ElementType.Int64 } constant }
            || node.Input(2) is { } fill && !(fill is { IsConstant: true, Constant: { Type: ElementType.Float, ElementCount: 1 } value } && value.ToFloats()[0] == 0))
        {
            return null;
        }

        var pads = constant.AsSpan<long>().ToArray();
        var rank = pads.Length / 2;
        return rank > 2 && pads.All(pad => pad >= 0) && pads[..2].Concat(pads[rank..(rank + 2)]).All(pad => pad == 0)
            ? [.. pads[2..rank], .. pads[(rank + 2)..]]
            : null;
    }
}
