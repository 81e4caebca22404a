using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The range of one value over all samples, by the method that chose it.</summary>
internal sealed record Observation(TensorRange Range, long NotFinite)
{
    public CalibrationMethodName Method { get; init; }

    /// <summary>The first sample with an element that is not finite; null where it is not known.</summary>
    public string? FirstNotFinite { get; init; }

    /// <summary>Of the finite elements that calibration saw; null where that is not known.</summary>
    public double? RootMeanSquare { get; init; }
}

/// <summary>
/// Runs the samples through the float model, once, and lets an observer see every watched value. Memory does not grow with the number of
/// samples: a sample's activations are gone before the next one.
/// </summary>
internal static class Calibrator
{
    /// <summary>What a run may hand out at once. Groups of values are the same on any number of threads, and so is what is seen of them.</summary>
    private const long MostBytes = 1L << 28;

    /// <summary>Operators whose output has the elements of the first input, in another order or shape.</summary>
    private static readonly FrozenSet<string> Rearranging = ["Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "DepthToSpace", "SpaceToDepth", "Identity"];

    /// <summary>What a method that looks at one tensor needs, of every watched value.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="profile">Of its values. Where they are too large together, the samples run once for each group of them that is not.</param>
    /// <param name="watched">Names of its values.</param>
    /// <param name="kinds">What is gathered of each.</param>
    /// <param name="samples">To run it on.</param>
    /// <param name="layouts">The values of which each channel's range is gathered, too; null for none.</param>
    /// <param name="mostBytes">Of the values of a group.</param>
    public static ImmutableDictionary<string, TensorStatistics> Gather(
        Model model, ModelProfile profile, IReadOnlyList<string> watched, StatisticsKinds kinds, SampleRun samples,
        IReadOnlyDictionary<string, ChannelLayout>? layouts = null, long mostBytes = MostBytes)
    {
        if (watched.Count == 0)
        {
            return ImmutableDictionary<string, TensorStatistics>.Empty;
        }

        var places = watched.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Value[] values = [.. InOrder(model).Where(value => places.ContainsKey(value.Name))];
        var rearranged = values.Where(value => layouts?.ContainsKey(value.Name) != true).Select(value => KeyValuePair.Create(value, SourcesOf(value, places, kinds)))
            .Where(entry => !entry.Value.IsEmpty).ToDictionary();
        TensorObserver[] observers = [.. watched.Select(_ => new TensorObserver(kinds))];
        ChannelObserver?[] channels = [.. watched.Select(name => layouts is not null && layouts.TryGetValue(name, out var layout) ? new ChannelObserver(layout) : null)];
        using var counters = new ThreadLocal<HistogramCounter>(() => new());
        foreach (var group in Groups(values.Where(value => !rearranged.ContainsKey(value)), profile, mostBytes))
        {
            int[] own = [.. group.Select(value => places[value.Name])];
            using var session = new ScopedModel(model, group);
            samples.ForEach("Calibrating", (position, sample) =>
            {
                var counter = counters.Value!;
                session.Run(sample.Inputs, (index, _, shape, bytes) =>
                {
                    observers[own[index]].Observe(MemoryMarshal.Cast<byte, float>(bytes), counter, samples.Samples[position]);
                    channels[own[index]]?.Observe(MemoryMarshal.Cast<byte, float>(bytes), shape);
                });
            });
        }

        var statistics = watched.Index().ToDictionary(entry => entry.Item, entry => observers[entry.Index].Statistics with { Channels = channels[entry.Index]?.Ranges });
        foreach (var value in values)
        {
            if (rearranged.TryGetValue(value, out var sources))
            {
                statistics[value.Name] = sources.Select(source => statistics[source.Name]).Aggregate((sum, part) => sum.MergedWith(part)) with { Channels = null };
            }
        }

        return statistics.ToImmutableDictionary();
    }

    /// <summary>
    /// The watched values that have all elements of this one between them: it need not be looked at, and ONNX Runtime need not hand it out. Empty where it has to be; the ends of each
    /// sample are known of what has one source alone.
    /// </summary>
    private static ImmutableArray<Value> SourcesOf(Value value, Dictionary<string, int> watched, StatisticsKinds kinds)
    {
        ImmutableArray<Value?> sources = value.Producer switch
        {
            { Domain: "", OpType: "Concat" } concat when concat.Inputs.Count == 1 || !kinds.HasFlag(StatisticsKinds.SampleEnds) => [.. concat.Inputs],
            { Domain: "" } producer when Rearranging.Contains(producer.OpType) => [producer.Input(0)],
            _ => [],
        };

        // In a body that runs more often than what is around it, its own values alone are seen as often.
        return sources.All(source => source is { HasConstant: false } && source.Graph == value.Graph && watched.ContainsKey(source.Name)) ? [.. sources.OfType<Value>()] : [];
    }

    /// <summary>As they are made, scope by scope: a pass adds its values at the end of a graph's list, wherever they lie.</summary>
    private static IEnumerable<Value> InOrder(Model model) =>
        Bodies.Scopes(model.Graph).SelectMany(graph => graph.Inputs.Concat(graph.Nodes.SelectMany(node => node.Outputs.OfType<Value>())));

    /// <summary>Values that follow one another: the first groups need the model's beginning alone.</summary>
    private static IEnumerable<IReadOnlyList<Value>> Groups(IEnumerable<Value> values, ModelProfile profile, long mostBytes)
    {
        var (group, bytes) = (new List<Value>(), 0.0);
        foreach (var value in values)
        {
            var own = sizeof(float) * (KernelWork.ElementsOf(value, profile) ?? 0);
            if (group.Count > 0 && bytes + own > mostBytes)
            {
                yield return group;
                (group, bytes) = ([], 0);
            }

            group.Add(value);
            bytes += own;
        }

        yield return group;
    }

    /// <summary>The ranges that <paramref name="method"/> chooses, rounded so that another processor's last bits do not show.</summary>
    public static ImmutableDictionary<string, Observation> Choose(RangeContext context, TensorMethod method)
    {
        var chosen = new ConcurrentDictionary<string, Observation>();
        Parallel.ForEach(context.Statistics, new ParallelOptions { MaxDegreeOfParallelism = context.Measured.Run.Threads }, entry =>
            chosen[entry.Key] = new(method.RangeOf(entry.Value, context.Options).Rounded(), entry.Value.NotFinite) { Method = method.Name, FirstNotFinite = entry.Value.FirstNotFinite?.Id });
        return chosen.ToImmutableDictionary();
    }
}
