using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>A normalization spelled out: x, or x less its mean, divided by the root of the mean of its squares. Squares take the square of x's range, and small ones decide the divisor.</summary>
internal static class NormalizationInPieces
{
    public static StructureMatch? Match(Node node, OperatorContext context) =>
        node.Outputs is not [{ } output, ..] || !context.Profile.IsFloat(output) || !IsPiece(node) ? null
        : Quotients(node).Any(quotient => Pieces(quotient).Contains(node))
            ? new([], _ => "it is a piece of a normalization, whose squares take the square of its input's range while the small ones decide what everything is divided by")
            : null;

    /// <summary>The Divs, or Muls by a reciprocal, that a piece would lead to, and those before a factor and a term; the node itself if it is one.</summary>
    private static IEnumerable<Node> Quotients(Node node) =>
        StructureWalk.Readers(node.Outputs[0]!, IsPiece).Append(node).Concat(Before(node)).Concat(Before(node).SelectMany(Before)).Where(next => next.Is("Div") || next.Is("Mul"));

    private static IEnumerable<Node> Before(Node node) => IsByConstant(node, "Mul", "Add") ? node.Inputs.Select(input => input?.Producer).OfType<Node>() : [];

    private static bool IsPiece(Node node) => node.OpType is "ReduceMean" or "Sub" or "Pow" or "Mul" or "Add" or "Sqrt" or "Reciprocal" or "Div";

    /// <summary>All nodes of the normalization that ends in a quotient; empty where it is none.</summary>
    private static HashSet<Node> Pieces(Node quotient)
    {
        if (Root(quotient) is not { } root || Deviation(root) is not ({ } centred, var deviation) || !quotient.Inputs.Contains(centred))
        {
            return [];
        }

        return [quotient, .. Affine(quotient), root, .. deviation, .. quotient.Inputs.Select(input => input?.Producer).OfType<Node>().Where(IsReciprocal), .. Centering(centred)];
    }

    /// <summary>The constant factor and term that follow, each where it is the only reader.</summary>
    private static Node[] Affine(Node quotient) => quotient.Output is { IsGraphOutput: false, Consumers: [{ Node: var next }] } && IsByConstant(next, "Mul", "Add")
        ? next.Is("Mul") && next.Output is { IsGraphOutput: false, Consumers: [{ Node: var last }] } && IsByConstant(last, "Add") ? [next, last] : [next]
        : [];

    private static bool IsByConstant(Node node, params string[] types) => types.Any(node.Is) && node.Inputs.Any(input => input is { IsConstant: true });

    /// <summary>What is squared in front of a root, and the nodes from there on: Add(ReduceMean(squares), ε), with ε left out where there is none.</summary>
    private static (Value? Squared, Node[] Nodes) Deviation(Node root)
    {
        var before = root.Input(0)?.Producer;
        var mean = before is not null && before.Is("Add") ? before.Inputs.Select(input => input?.Producer).FirstOrDefault(IsMean) : IsMean(before) ? before : null;
        return mean?.Input(0)?.Producer is { } squares && SquareOf(squares) is { } squared ? (squared, [before!, mean, squares]) : (null, []);
    }

    /// <summary>The Sub and the mean of a normalization that takes the mean off.</summary>
    private static Node[] Centering(Value centred) =>
        centred.Producer is { } difference && difference.Is("Sub") && difference.Input(1)?.Producer is { } center && IsMean(center) && center.Input(0) == difference.Input(0) ? [difference, center] : [];

    private static Node? Root(Node quotient)
    {
        if (quotient.Is("Div"))
        {
            return quotient.Input(1)?.Producer is { } divisor && divisor.Is("Sqrt") ? divisor : null;
        }

        return quotient.Inputs.Select(input => input?.Producer).FirstOrDefault(IsReciprocal) is { } reciprocal
            && reciprocal.Input(reciprocal.Is("Div") ? 1 : 0)?.Producer is { } root && root.Is("Sqrt") ? root : null;
    }

    private static bool IsMean(Node? node) => node is not null && (node.Is("ReduceMean") || node.Is("GlobalAveragePool"));

    private static bool IsReciprocal(Node? node) => node is not null && (node.Is("Reciprocal") || (node.Is("Div") && node.Input(0) is { IsConstant: true }));

    /// <summary>What is squared; null for something else.</summary>
    private static Value? SquareOf(Node node) =>
        (node.Is("Mul") && node.Input(0) == node.Input(1)) || (node.Is("Pow") && node.Input(1)?.Constant is { ElementCount: 1 } power && power.ToFloats()[0] == 2) ? node.Input(0) : null;
}
