using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>
/// What puts tensors whose ranges differ too much under one scale, as boxes and scores at a detector's head: the narrower of them would keep few of its steps.
/// </summary>
internal static class RangeMixing
{
    /// <summary>Of 8 bits at least 5 are left to every part: the common range may be 8 times as wide as its own.</summary>
    public const double LargestRatio = 8;

    /// <summary>A Concat of tensors of different ranges.</summary>
    public static StructureMatch? MatchJoin(Node node, OperatorContext context)
    {
        ImmutableArray<Value> inputs = node.Is("Concat") ? [.. node.Inputs.OfType<Value>()] : [];
        return inputs.Length < 2 || !inputs.All(context.Profile.IsFloat) ? null : new(inputs, spreads =>
        {
            var spans = spreads.OfType<ValueSpread>().Select(spread => spread.Span).Where(span => span > 0).ToArray();
            return spans.Length > 1 && spans.Max() / spans.Min() > LargestRatio
                ? string.Create(CultureInfo.InvariantCulture, $"it joins tensors whose ranges differ {spans.Max() / spans.Min():0.#} times, and one scale would serve the narrower badly")
                : null;
        });
    }

    /// <summary>A Concat at the head of probabilities and of what is none, whatever their ranges were in the samples.</summary>
    public static StructureMatch? MatchScores(Node node, OperatorContext context)
    {
        Value[] inputs = node.Is("Concat") ? [.. node.Inputs.OfType<Value>()] : [];
        var probabilities = inputs.Count(IsProbability);
        return probabilities == 0 || probabilities == inputs.Length || !inputs.All(context.Profile.IsFloat) || !StructureWalk.IsInHead(node.Output) ? null : new([.. inputs], spreads =>
            spreads.All(spread => spread is { Span: > 0 })
                ? string.Create(CultureInfo.InvariantCulture, $"it joins probabilities with values that are none, whose range is {spreads.Max(spread => spread!.Span) / spreads.Min(spread => spread!.Span):0.#} times as wide")
                : null);
    }

    private static bool IsProbability(Value value) => value.Producer is { } producer
        && (producer.Is("Sigmoid") || producer.Is("Softmax") || (OperatorRules.Of(producer) is { Role: OperatorRole.Moving } && producer.Inputs[0] is { } moved && IsProbability(moved)));

    /// <summary>A Mul by constants of different sizes at the head, as of boxes by anchors.</summary>
    public static StructureMatch? MatchScale(Node node, OperatorContext context)
    {
        if (!node.Is("Mul") || !context.Profile.IsFloat(node.Output) || node.Inputs.FirstOrDefault(input => input is { IsConstant: true, Constant: { Type: ElementType.Float, ElementCount: > 1 } }) is not { } factors || !StructureWalk.IsInHead(node.Output))
        {
            return null;
        }

        var sizes = factors.Constant!.ToFloats().Where(float.IsFinite).Select(factor => Math.Abs((double)factor)).Order().ToArray();
        return sizes.Length < 2 || sizes[^1] <= LargestRatio * sizes[sizes.Length / 2] ? null : new([], _ => string.Create(
            CultureInfo.InvariantCulture, $"it multiplies parts of the model's output by up to {sizes[^1]:0.###}, half of them by less than {sizes[sizes.Length / 2]:0.###}, and one scale would serve those badly"));
    }
}
