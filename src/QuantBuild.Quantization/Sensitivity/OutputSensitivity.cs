using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// What each unit, quantized alone, does to the outputs of the model: noise as a share of the signal, of each output. The float prefix of a unit is not
/// computed again, so that all of them together cost about half as many runs as there are units.
/// </summary>
internal static class OutputSensitivity
{
    /// <param name="model">The float model.</param>
    /// <param name="plans">The units of the first are measured, then what others have besides.</param>
    /// <param name="samples">Few are enough: every one of them has all elements of the outputs.</param>
    /// <returns>Units in bodies are missing: what is inside cannot be changed from without.</returns>
    public static ImmutableDictionary<(Node Node, UnitForm Form), ImmutableArray<double>> Measure(Model model, IReadOnlyList<QuantizationPlan> plans, SampleRun samples)
    {
        var shadows = plans.Select(plan => new UnitShadows(model, plan)).ToArray();
        var units = shadows.SelectMany(shadow => shadow.All).Select(shadow => shadow.Unit).Where(IsOutside).DistinctBy(unit => (unit.Node, unit.Form)).ToArray();
        using var segments = new SegmentedModel(model, units.Select(unit => unit.Activation ?? unit.Node).ToHashSet());
        var sessions = shadows.Select(shadow => new ShadowSession(shadow)).ToArray();
        var noise = new double[samples.Count, units.Length][];
        var signal = new double[samples.Count][];
        try
        {
            // One sample after the other, and its units side by side: what lies between the segments is kept of one sample at a time.
            (samples with { Threads = 1 }).ForEach("Measuring sensitivity", (position, sample) =>
            {
                var known = segments.Run(sample.Inputs);
                var reference = model.Graph.Outputs.Select(output => known[output.Name]).ToArray();
                var rounded = sessions.Select(session => session.Run(sample.Inputs)).Aggregate((first, next) => first.AddRange(next.Where(entry => !first.ContainsKey(entry.Key))));
                signal[position] = [.. reference.Select(tensor => EnergyOf(tensor, null))];
                Parallel.For(0, units.Length, new ParallelOptions { MaxDegreeOfParallelism = samples.Threads, CancellationToken = samples.Cancellation }, index =>
                    noise[position, index] = [.. segments.Rerun(sample.Inputs, known, units[index].Output.Name, rounded[(units[index].Node, units[index].Form)]).Zip(reference, EnergyOf)]);
            });
        }
        finally
        {
            foreach (var session in sessions)
            {
                session.Dispose();
            }
        }

        return units.Index().ToImmutableDictionary(
            entry => (entry.Item.Node, entry.Item.Form),
            entry => Enumerable.Range(0, model.Graph.Outputs.Count)
                .Select(output => Energy.Share(Enumerable.Range(0, samples.Count).Sum(sample => noise[sample, entry.Index][output]), signal.Sum(sample => sample[output]))).ToImmutableArray());
    }

    private static bool IsOutside(QuantizedUnit unit) => unit.Node.Graph.Parent is null;

    /// <summary>Of the difference; of the tensor itself where there is no other. Nothing for what is no float.</summary>
    private static double EnergyOf(TensorData tensor, TensorData? other) => tensor.Type != ElementType.Float ? 0
        : other is null ? Energy.Of(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span))
        : Energy.OfDifference(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span), MemoryMarshal.Cast<byte, float>(other.Bytes.Span));

    /// <summary>The rounded outputs of a plan's units.</summary>
    private sealed class ShadowSession : IDisposable
    {
        private readonly UnitShadow[] _shadows;
        private readonly ScopedModel _session;

        public ShadowSession(UnitShadows shadows)
        {
            _shadows = [.. shadows.All.Where(shadow => IsOutside(shadow.Unit))];
            _session = new(shadows.Model, [.. _shadows.Select(shadow => shadow.Rounded)]);
        }

        public ImmutableDictionary<(Node Node, UnitForm Form), TensorData> Run(SampleInputs inputs)
        {
            var tensors = ImmutableDictionary.CreateBuilder<(Node, UnitForm), TensorData>();
            _session.Run(inputs, (index, type, shape, bytes) =>
                tensors[(_shadows[index].Unit.Node, _shadows[index].Unit.Form)] = new(type, [.. shape], bytes.ToArray()));
            return tensors.ToImmutable();
        }

        public void Dispose() => _session.Dispose();
    }
}
