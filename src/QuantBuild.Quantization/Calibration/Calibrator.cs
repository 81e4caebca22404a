using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.ControlFlow;
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
    /// <summary>What a method that looks at one tensor needs, of every watched value.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="watched">Names of its values.</param>
    /// <param name="kinds">What is gathered of each.</param>
    /// <param name="samples">To run it on.</param>
    /// <param name="layouts">The values of which each channel's range is gathered, too; null for none.</param>
    public static ImmutableDictionary<string, TensorStatistics> Gather(
        Model model, IReadOnlyList<string> watched, StatisticsKinds kinds, SampleRun samples, IReadOnlyDictionary<string, ChannelLayout>? layouts = null)
    {
        if (watched.Count == 0)
        {
            return ImmutableDictionary<string, TensorStatistics>.Empty;
        }

        var values = Bodies.Scopes(model.Graph).SelectMany(graph => graph.Values).ToDictionary(value => value.Name);
        TensorObserver[] observers = [.. watched.Select(_ => new TensorObserver(kinds))];
        ChannelObserver?[] channels = [.. watched.Select(name => layouts is not null && layouts.TryGetValue(name, out var layout) ? new ChannelObserver(layout) : null)];
        using var counters = new ThreadLocal<HistogramCounter>(() => new());
        using var session = new ScopedModel(model, [.. watched.Select(name => values[name])]);
        samples.ForEach("Calibrating", sample =>
        {
            var counter = counters.Value!;
            session.Run(sample.Inputs, (index, _, shape, bytes) =>
            {
                observers[index].Observe(MemoryMarshal.Cast<byte, float>(bytes), counter);
                channels[index]?.Observe(MemoryMarshal.Cast<byte, float>(bytes), shape);
            });
        });
        return watched.Index().ToImmutableDictionary(entry => entry.Item, entry => observers[entry.Index].Statistics with { Channels = channels[entry.Index]?.Ranges });
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
