using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>A product that reads activations of which a few are so large that the steps made for them leave too little of the others.</summary>
internal static class HeavyTail
{
    public static StructureMatch? Match(Node node, OperatorContext context)
    {
        ImmutableArray<Value> inputs = StructureWalk.IsProduct(node) && OperatorRules.Of(node) is { } rule
            ? [.. rule.DataInputs(node).Select(node.Input).OfType<Value>().Where(input => !input.HasConstant && context.Profile.IsFloat(input))]
            : [];
        return inputs.IsEmpty ? null : new(inputs, spreads =>
        {
            var (value, spread) = inputs.Zip(spreads).FirstOrDefault(input => input.Second is { Span: > 0 } seen && seen.RoundingDb(context.Levels) < OutputReference.SufficientDb);
            return spread is null ? null : string.Create(
                CultureInfo.InvariantCulture,
                $"its input '{value.Name}' spans {spread.Span / spread.RootMeanSquare:0} times the root mean square of its elements, of which rounding to {context.Levels} levels alone leaves {spread.RoundingDb(context.Levels):0.0} dB");
        });
    }
}
