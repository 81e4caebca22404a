using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
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
    public static ImmutableDictionary<string, TensorStatistics> Gather(
        Model model, IReadOnlyList<string> watched, StatisticsKinds kinds, SampleRun samples)
    {
        if (watched.Count == 0)
        {
            return ImmutableDictionary<string, TensorStatistics>.Empty;
        }

        var probe = model.Clone();
        var inputs = probe.Graph.Inputs.Select(input => input.Name).ToHashSet();
        var fetched = watched.Where(name => !inputs.Contains(name)).ToArray();
        probe.Graph.SetOutputs(fetched.Select(name => probe.Graph.Find(name)!));
        RemoveUnused.Prune(probe.Graph);
        var observers = watched.ToDictionary(name => name, _ => new TensorObserver(kinds));
        using var counters = new ThreadLocal<HistogramCounter>(() => new());

        // Where inputs alone are watched there is nothing to run, and a model without outputs does not load. Without optimization, what a node
        // computes does not depend on which others are watched.
        using var session = fetched.Length == 0 ? null : InferenceModel.Load(OnnxFile.ToBytes(probe), Optimization.None);
        samples.ForEach("Calibrating", sample =>
        {
            var counter = counters.Value!;
            foreach (var name in watched.Where(inputs.Contains))
            {
                observers[name].Observe(sample.Inputs[name].AsSpan<float>(), counter);
            }

            session?.Run(sample.Inputs, fetched, (index, _, _, bytes) => observers[fetched[index]].Observe(MemoryMarshal.Cast<byte, float>(bytes), counter));
        });
        return observers.ToImmutableDictionary(entry => entry.Key, entry => entry.Value.Statistics);
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
