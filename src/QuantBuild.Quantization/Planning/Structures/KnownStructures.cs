using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>
/// The table of structures that are known to break. What follows from ranges alone is not quantized; elsewhere measurement decides, and the structure gives the
/// reason a name. Of several rows that a node matches, the first counts: those come first that refuse.
/// </summary>
internal static class KnownStructures
{
    public static ImmutableArray<KnownStructure> All { get; } =
    [
        new("attention mask", AttentionMask.Match) { RefusesStatic = true },
        new("range-mixing join", RangeMixing.MatchJoin) { RefusesStatic = true },
        new("averaged scores", AveragedScores.Match) { RefusesStatic = true },
        new("normalization in pieces", NormalizationInPieces.Match),
        new("boxes beside scores", RangeMixing.MatchScores),
        new("range-mixing scale", RangeMixing.MatchScale),
        new("exponent", Exponent.Match),
        new("softmax input", SoftmaxInput.Match),
        new("growing residual trunk", ResidualTrunk.Match),
        new("heavy tail", HeavyTail.Match),
    ];

    /// <summary>The nodes of the model that are part of one.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="context">What is known of its values.</param>
    /// <param name="observed">The ranges of values that are to be quantized.</param>
    /// <param name="samples">To look at what calibration did not; it has seen them.</param>
    public static IReadOnlyDictionary<Node, RecognizedStructure> Find(
        Model model, OperatorContext context, IReadOnlyDictionary<string, Observation> observed, SampleRun samples)
    {
        var matches = Bodies.Nodes(model.Graph).SelectMany(node => All.Select(row => (Row: row, Node: node, Match: row.Match(node, context)))).Where(found => found.Match is not null).ToArray();
        string[] watched = [.. matches.SelectMany(found => found.Match!.Values).Where(value => !value.HasConstant && context.Profile.IsFloat(value)).Select(value => value.Name).Where(name => observed.GetValueOrDefault(name)?.RootMeanSquare is null).Distinct().Order(StringComparer.Ordinal)];
        var statistics = samples.Count == 0 ? [] : Calibrator.Gather(model, context.Profile, watched, StatisticsKinds.None, samples);
        var spreads = new Dictionary<Value, ValueSpread?>();
        var structures = new Dictionary<Node, RecognizedStructure>();
        foreach (var (row, node, match) in matches)
        {
            if (!structures.ContainsKey(node) && match!.Reason([.. match.Values.Select(SpreadOf)]) is { } reason)
            {
                structures[node] = new(row.Name, reason, row.RefusesStatic);
            }
        }

        return structures;

        ValueSpread? SpreadOf(Value value)
        {
            if (!spreads.TryGetValue(value, out var spread))
            {
                spreads[value] = spread = value.Constant is { Type: ElementType.Float } constant ? ValueSpread.Of(constant)
                    : ValueSpread.Of(observed.GetValueOrDefault(value.Name), statistics.GetValueOrDefault(value.Name));
            }

            return spread;
        }
    }
}
