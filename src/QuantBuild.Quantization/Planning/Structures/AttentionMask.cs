using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>What makes positions vanish in a Softmax: an Add of −10⁹, a Where with −∞. Beside such numbers scores are all the same to 8 bits.</summary>
internal static class AttentionMask
{
    /// <summary>A score that lies so far below another has the weight 0: e to the power of less is smaller than the smallest float.</summary>
    private static readonly double Vanishing = -Math.Log(float.Epsilon);

    public static StructureMatch? Match(Node node, OperatorContext context)
    {
        if ((!node.Is("Add") && !node.Is("Sub") && !node.Is("Where")) || !context.Profile.IsFloat(node.Output) || StructureWalk.SoftmaxBehind(node.Output) is null)
        {
            return null;
        }

        // A sample without padding masks nothing: what the mask is chosen from tells what it may be.
        Value[] own = [.. node.Inputs.OfType<Value>().Where(context.Profile.IsFloat)];
        ImmutableArray<Value> operands = [.. own, .. own.Select(Choice).OfType<Node>().SelectMany(choice => choice.Inputs.Skip(1)).OfType<Value>()];
        return new(operands, spreads =>
        {
            // Scores lie on both sides of 0; a mask leaves them, or takes away.
            var mask = spreads.Index().Where(entry => entry.Item is { } spread && IsMask(spread, node.Is("Sub") && entry.Index == 1)).Select(entry => entry.Item!)
                .MaxBy(spread => spread.IsFinite ? spread.Span : double.PositiveInfinity);
            return mask is null ? null
                : $"it masks scores with {(mask.IsFinite ? (-mask.Span).ToString("0.#e+0", CultureInfo.InvariantCulture) : "infinity")} in front of a Softmax, and under one scale with that all scores would be the same";
        });
    }

    private static bool IsMask(ValueSpread spread, bool isSubtracted) =>
        !spread.IsFinite || (isSubtracted ? spread.Min >= 0 && spread.Max >= Vanishing : spread.Max <= 0 && spread.Min <= -Vanishing);

    /// <summary>The Where that made a value, which may have been moved since.</summary>
    private static Node? Choice(Value value) => value.Producer switch
    {
        null => null,
        { } node when node.Is("Where") => node,
        { Inputs: [{ } before, ..] } node when OperatorRules.Of(node) is { Role: OperatorRole.Moving } => Choice(before),
        _ => null,
    };
}
