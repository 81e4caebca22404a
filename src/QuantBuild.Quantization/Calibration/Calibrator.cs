using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Calibration;

/// <summary>What was seen of one value over all samples.</summary>
internal sealed record Observation(TensorRange Range, long NotFinite);

/// <summary>
/// Runs the samples through the float model, once, and lets an observer see every watched value. Memory does not grow with the number of
/// samples: a sample's activations are gone before the next one.
/// </summary>
internal static class Calibrator
{
    public static ImmutableDictionary<string, Observation> Observe(
        Model model, IReadOnlyList<string> watched, CalibrationMethodName method, SampleRun samples)
    {
        if (watched.Count == 0)
        {
            return ImmutableDictionary<string, Observation>.Empty;
        }

        var probe = model.Clone();
        var inputs = probe.Graph.Inputs.Select(input => input.Name).ToHashSet();
        var fetched = watched.Where(name => !inputs.Contains(name)).ToArray();
        probe.Graph.SetOutputs(fetched.Select(name => probe.Graph.Find(name)!));
        RemoveUnused.Prune(probe.Graph);
        var observers = watched.ToDictionary(name => name, _ => CalibrationMethods.All[method]());
        // Where inputs alone are watched there is nothing to run, and a model without outputs does not load.
        using var session = fetched.Length == 0 ? null : InferenceModel.Load(probe, Optimization.Basic);
        samples.ForEach("Calibrating", sample =>
        {
            foreach (var name in watched.Where(inputs.Contains))
            {
                observers[name].Observe(sample.Inputs[name].AsSpan<float>());
            }

            session?.Run(sample.Inputs, fetched, (index, _, _, bytes) => observers[fetched[index]].Observe(MemoryMarshal.Cast<byte, float>(bytes)));
        });
        return observers.ToImmutableDictionary(entry => entry.Key, entry => new Observation(entry.Value.Range.Rounded(), entry.Value.NotFinite));
    }
}
