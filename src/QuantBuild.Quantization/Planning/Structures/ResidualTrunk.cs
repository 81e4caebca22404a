using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>An Add in a chain of them whose range has grown: what a branch adds is little beside the sum of those before, and their common scale is made for the sum.</summary>
internal static class ResidualTrunk
{
    public static StructureMatch? Match(Node node, OperatorContext context)
    {
        if (!IsSum(node) || !context.Profile.IsFloat(node.Output) || node.Inputs.FirstOrDefault(input => StructureWalk.Origin(input!) is { } origin && IsSum(origin)) is not { } trunk)
        {
            return null;
        }

        return new([trunk, node.Inputs.First(input => input != trunk)!], spreads =>
            spreads is [{ } sum, { Span: > 0 } branch] && sum.Span / branch.Span > RangeMixing.LargestRatio
                ? string.Create(CultureInfo.InvariantCulture, $"the trunk has grown to {sum.Span / branch.Span:0.#} times the range of what this branch adds")
                : null);
    }

    private static bool IsSum(Node node) => node.Is("Add") && node.Inputs is [{ HasConstant: false } first, { HasConstant: false } second] && first != second;
}
