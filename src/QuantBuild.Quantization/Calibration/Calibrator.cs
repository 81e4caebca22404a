using System.Collections.Concurrent;
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
}

/// <summary>
/// Runs the samples through the float model, once, and lets an observer see every watched value. Memory does not grow with the number of
/// samples: a sample's activations are gone before the next one.
/// </summary>
internal static class Calibrator
{
    /// <summary>What a run may hand out at once. Groups of values are the same on any number of threads, and so is what is seen of them.</summary>
    private const long MostBytes = 1L << 28;

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

        TensorObserver[] observers = [.. watched.Select(_ => new TensorObserver(kinds))];
        ChannelObserver?[] channels = [.. watched.Select(name => layouts is not null && layouts.TryGetValue(name, out var layout) ? new ChannelObserver(layout) : null)];
        using var counters = new ThreadLocal<HistogramCounter>(() => new());
        var places = watched.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        foreach (var group in Groups(InOrder(model).Where(value => places.ContainsKey(value.Name)), profile, mostBytes))
        {
            int[] own = [.. group.Select(value => places[value.Name])];
            using var session = new ScopedModel(model, group);
            samples.ForEach("Calibrating", sample =>
            {
                var counter = counters.Value!;
                session.Run(sample.Inputs, (index, _, shape, bytes) =>
                {
                    observers[own[index]].Observe(MemoryMarshal.Cast<byte, float>(bytes), counter);
                    channels[own[index]]?.Observe(MemoryMarshal.Cast<byte, float>(bytes), shape);
                });
            });
        }

        return watched.Index().ToImmutableDictionary(entry => entry.Item, entry => observers[entry.Index].Statistics with { Channels = channels[entry.Index]?.Ranges });
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
            chosen[entry.Key] = new(method.RangeOf(entry.Value, context.Options).Rounded(), entry.Value.NotFinite) { Method = method.Name });
        return chosen.ToImmutableDictionary();
    }
}
