using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>A product whose result goes into a Softmax: an absolute error of a score is a relative one of its weight.</summary>
internal static class SoftmaxInput
{
    public static StructureMatch? Match(Node node, OperatorContext context) =>
        !StructureWalk.IsProduct(node) || !context.Profile.IsFloat(node.Output) || StructureWalk.SoftmaxBehind(node.Output) is null ? null : new([node.Output], spreads =>
            spreads[0] is { } spread
                ? string.Create(CultureInfo.InvariantCulture, $"its results are scores in front of a Softmax, which raises e to them; they span {spread.Span:0.##}, {spread.StepOf(context.Levels):0.###} a step")
                : null);
}
