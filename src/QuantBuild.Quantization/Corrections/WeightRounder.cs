using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// Rounds the weights of layers with what their inputs are like in view, and keeps that where the error falls on samples that it was not chosen on. What was
/// found for some weights is not looked for again, in whatever form a unit has them.
/// </summary>
internal sealed class WeightRounder(PreparedRequest job)
{
    private const int FewestSamples = 4;

    /// <summary>Longer sums cost more than they are worth, but for the best effort: it grows with the third power.</summary>
    private const int LongestSum = 1024;

    private const int LongestSumAtBest = 8192;

    /// <summary>Rows of this many bytes are held at a time.</summary>
    private const long MostBytes = 256L << 20;

    private readonly Dictionary<RoundingKey, QuantizedWeights?> _found = [];

    /// <summary>Of the batch of layers that was looked at last: in most models that is all of them.</summary>
    private Dictionary<Node, LayerInputs> _inputs = [];

    /// <summary>An entry for each unit that is better rounded so than to the nearest integers.</summary>
    public ImmutableDictionary<(Node Node, UnitForm Form), QuantizedWeights> Find(QuantizationPlan plan)
    {
        QuantizedUnit[] units = job.Data.Correcting.Count < FewestSamples ? [] : [.. plan.Units.Where(unit => IsConcerned(unit, job.Request.Settings.AccuracyEffort))];
        foreach (var batch in Batches(units.Where(unit => !_found.ContainsKey(KeyOf(unit, plan))).DistinctBy(unit => KeyOf(unit, plan))))
        {
            Round(batch, plan);
        }

        return units.Select(unit => (Key: (unit.Node, unit.Form), Rounded: _found[KeyOf(unit, plan)])).Where(entry => entry.Rounded is not null)
            .ToImmutableDictionary(entry => entry.Key, entry => entry.Rounded!);
    }

    private void Round(List<QuantizedUnit> batch, QuantizationPlan plan)
    {
        var samples = job.Data.Correcting;
        if (!batch.All(unit => _inputs.ContainsKey(unit.Node)))
        {
            _inputs = LayerInputs.Gather(job.Model, [.. batch.Select(unit => unit.Node).Distinct()], samples, RowCount.ToRank);
        }

        var rounded = new QuantizedWeights?[batch.Count];
        var done = 0;
        Parallel.For(0, batch.Count, new ParallelOptions { MaxDegreeOfParallelism = samples.Threads, CancellationToken = samples.Cancellation }, index =>
        {
            rounded[index] = new UnitRounding(batch[index], plan.Form.Weights, plan.WeightsOf(batch[index]), _inputs[batch[index].Node], plan.SmoothingOf(batch[index])).Find();
            samples.Progress?.Report(new("Rounding weights", Interlocked.Increment(ref done), batch.Count));
        });
        foreach (var (unit, weights) in batch.Zip(rounded))
        {
            _found[KeyOf(unit, plan)] = weights;
        }
    }

    /// <summary>True for layers whose weights are theirs alone, and not too long for the effort.</summary>
    public static bool IsConcerned(QuantizedUnit unit, AccuracyEffort effort) =>
        unit.Rule.Role == OperatorRole.Linear && LayerGeometry.Of(unit.Node) is { Depth: > 1 and var depth }
        && depth <= (effort == AccuracyEffort.Best ? LongestSumAtBest : LongestSum)
        && unit.Node.Input(1)!.Consumers.Count == 1;

    /// <summary>The same weights on the same grid, for the same inputs.</summary>
    private static RoundingKey KeyOf(QuantizedUnit unit, QuantizationPlan plan) => new(unit.Node, UnitWeights.Suit(unit, plan.Form.Weights), plan.SmoothingOf(unit));

    private static List<List<QuantizedUnit>> Batches(IEnumerable<QuantizedUnit> units)
    {
        var (batches, bytes) = (new List<List<QuantizedUnit>>(), MostBytes);
        foreach (var unit in units)
        {
            var own = LayerInputs.BytesOf(LayerGeometry.Of(unit.Node)!, RowCount.ToRank);
            if (bytes + own > MostBytes)
            {
                batches.Add([]);
                bytes = 0;
            }

            batches[^1].Add(unit);
            bytes += own;
        }

        return batches;
    }

    private sealed record RoundingKey(Node Node, WeightScheme Scheme, SmoothingScales? Smoothing);
}
