using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>
/// The whole model with every quantized activation behind Q and DQ, in float arithmetic and with float weights. Scales and zero points are
/// inputs, so that ranges are tried without loading a model again.
/// </summary>
internal sealed class SimulatedModel : IDisposable
{
    private readonly InferenceModel _session;
    private readonly SampleRun _samples;
    private readonly ImmutableArray<string> _activations;
    private readonly string[] _outputs;
    private readonly float[][][] _reference;

    /// <param name="context">The float model, and which of its values are rounded.</param>
    /// <param name="parameters">Of each such value; their types are kept for good.</param>
    /// <param name="samples">What the model is run on each time.</param>
    public SimulatedModel(RangeContext context, ImmutableDictionary<string, QuantizationParameters> parameters, SampleRun samples)
    {
        _samples = samples;
        // What bodies hold stays as it is: it cannot be rounded from without
        _activations = [.. parameters.Keys.Where(name => context.Model.Graph.Find(name) is not null).Order(StringComparer.Ordinal)];
        var model = context.Model.Clone();
        model.Graph.SetOutputs(OutputScores.Compared(model.Graph));
        using (var session = InferenceModel.Load(model, Optimization.Basic))
        {
            _reference = Outputs(session, [.. model.Graph.Outputs.Select(output => output.Name)], ImmutableDictionary<string, TensorData>.Empty);
        }

        RoundingNodes.Prepare(model);
        var clones = context.Model.Graph.Nodes.Zip(model.Graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var name in _activations)
        {
            var value = context.Model.Graph.Find(name)!;
            var readers = context.Placement.Units.Where(unit => unit.Form == UnitForm.Static && unit.Inputs.Contains(value) && clones.ContainsKey(unit.Node)).Select(unit => clones[unit.Node]).ToHashSet();
            Round(model.Graph.Find(name)!, parameters[name].Type, context.Placement.ProducerOf(value) is null ? readers : null);
        }

        TopologicalOrder.Restore(model.Graph);
        _outputs = [.. model.Graph.Outputs.Select(output => output.Name)];
        _session = InferenceModel.Load(model, Optimization.Basic);
    }

    /// <summary>The noise of each output that is compared as a share of its signal over the samples, added up.</summary>
    public double Error(ImmutableDictionary<string, QuantizationParameters> parameters)
    {
        var inputs = ImmutableDictionary.CreateBuilder<string, TensorData>();
        foreach (var name in _activations)
        {
            inputs[ScaleOf(name)] = TensorData.Scalar(parameters[name].Scale);
            inputs[ZeroPointOf(name)] = RoundingNodes.ZeroPoint(parameters[name]);
        }

        var actual = Outputs(_session, _outputs, inputs.ToImmutable());
        return Enumerable.Range(0, _outputs.Length).Sum(output =>
        {
            var (noise, signal) = (0.0, 0.0);
            foreach (var (expected, got) in _reference.Zip(actual, (reference, outputs) => (reference[output], outputs[output])))
            {
                noise += Energy.OfDifference(expected, got);
                signal += Energy.OfSignal(expected);
            }

            return Energy.Share(noise, signal);
        });
    }

    public void Dispose() => _session.Dispose();

    private static string ScaleOf(string name) => name + "::scale";

    private static string ZeroPointOf(string name) => name + "::zero_point";

    /// <param name="value">A value of the copy.</param>
    /// <param name="type">What it is rounded to.</param>
    /// <param name="readers">What gets it rounded, where a float operator makes it; null for all, where an INT8 operator does.</param>
    private static void Round(Value value, ElementType type, HashSet<Node>? readers)
    {
        var graph = value.Graph;
        var uses = value.Consumers.Where(use => readers is null || readers.Contains(use.Node)).ToArray();
        var (scale, zeroPoint) = (graph.AddInput(ScaleOf(value.Name)), graph.AddInput(ZeroPointOf(value.Name)));
        scale.Declare(ElementType.Float, []);
        zeroPoint.Declare(type, []);
        var rounded = RoundingNodes.Add(value, scale, zeroPoint);
        foreach (var use in uses)
        {
            use.Node.SetInput(use.Index, rounded);
        }

        if (readers is null && value.IsGraphOutput)
        {
            graph.SetOutputs(graph.Outputs.Select(output => output == value ? rounded : output));
        }
    }

    private float[][][] Outputs(InferenceModel session, string[] names, ImmutableDictionary<string, TensorData> parameters)
    {
        var outputs = new float[_samples.Count][][];
        _samples.ForEach("Choosing ranges", (position, sample) =>
        {
            var values = names.Select(_ => Array.Empty<float>()).ToArray();
            session.Run(new SampleInputs(sample.Inputs.Tensors.SetItems(parameters)) { Sequences = sample.Inputs.Sequences }, names, (index, type, _, bytes) =>
                values[index] = type == ElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : []);
            outputs[position] = values;
        });
        return outputs;
    }
}
