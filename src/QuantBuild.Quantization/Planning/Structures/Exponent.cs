using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>A product whose result goes through Exp to the model's outputs, as the sizes of boxes do: an absolute error of it is a relative one of them.</summary>
internal static class Exponent
{
    public static StructureMatch? Match(Node node, OperatorContext context)
    {
        if (node.Outputs is not [{ } output, ..] || !context.Profile.IsFloat(output) || !(StructureWalk.IsProduct(node) || node.Is("Exp")))
        {
            return null;
        }

        var exp = node.Is("Exp") ? node : StructureWalk.Readers(output, StructureWalk.IsMovedOrScaled).FirstOrDefault(next => next.Is("Exp"));
        return exp is null || !StructureWalk.IsInHead(exp.Output) ? null : new([exp.Input(0)!], spreads =>
            spreads[0] is { } spread && Math.Exp(spread.StepOf(context.Levels)) - 1 is var change
                ? string.Create(CultureInfo.InvariantCulture, $"an output of the model is e to the power of it, and one of {context.Levels} steps over {spread.Span:0.##} makes {100 * change:0.##} % of that")
                : null);
    }
}
