using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Layers;

/// <summary>
/// The layers of a model one after the other, so that each can be changed in view of what those before it, changed, give it. The model runs once in all: what
/// lies between two layers is run when the first has its weights.
/// </summary>
internal sealed class LayerSequence
{
    private readonly Model _model;
    private readonly SampleRun _samples;
    private readonly RowCount _count;
    private readonly SampleInputs[] _inputs;
    private readonly Dictionary<string, TensorData>[] _known;
    private readonly Dictionary<Node, int> _places;

    /// <param name="model">Its nodes in an order in which they can run.</param>
    /// <param name="samples">What it runs on.</param>
    /// <param name="count">How many rows of a layer's input are taken.</param>
    public LayerSequence(Model model, SampleRun samples, RowCount count)
    {
        (_model, _samples, _count) = (model, samples, count);
        _inputs = [.. samples.Samples.Select(sample => sample.Read().Inputs)];
        _known = [.. _inputs.Select(inputs => inputs.Tensors.ToDictionary())];
        _places = model.Graph.Nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
    }

    /// <summary>
    /// Stops where the model cannot be run in parts, as where one part would hand a sequence to the next: layers behind that are left as they are.
    /// </summary>
    /// <param name="stage">What progress is reported as.</param>
    /// <param name="twins">For each layer that is stopped at, the one whose rows its own are to be compared with.</param>
    /// <param name="change">Gets the layer and what it is given; it may change constants of the layer.</param>
    public void ForEach(string stage, IReadOnlyDictionary<Node, LayerGeometry> twins, Action<Node, LayerInputs> change)
    {
        var members = new List<Node>();
        foreach (var (index, node) in _model.Graph.Nodes.ToArray().Index())
        {
            if (twins.TryGetValue(node, out var twin))
            {
                if (!Advance(members, index))
                {
                    return;
                }

                members = [];
                change(node, InputsOf(node, twin));
                _samples.Progress?.Report(new(stage, index + 1, _places.Count));
            }

            members.Add(node);
        }
    }

    /// <summary>Runs the nodes that lie before the node of a number, and forgets what only they needed. False where they cannot be run by themselves.</summary>
    private bool Advance(List<Node> members, int next)
    {
        if (members.Count == 0)
        {
            return true;
        }

        using var segment = new GraphSegment(_model, members, ImmutableHashSet<string>.Empty, Optimization.Float);
        try
        {
            Parallel.For(0, _known.Length, new ParallelOptions { MaxDegreeOfParallelism = _samples.Threads, CancellationToken = _samples.Cancellation }, position =>
            {
                segment.Run(_inputs[position], _known[position]);
                foreach (var name in _known[position].Keys.Where(name => !IsNeeded(name, next)).ToArray())
                {
                    _known[position].Remove(name);
                }
            });
            return true;
        }
        catch (AggregateException exception) when (exception.InnerExceptions.All(inner => inner is InferenceException))
        {
            return false;
        }
    }

    /// <summary>Bodies read what they read until the end.</summary>
    private bool IsNeeded(string name, int next) =>
        _model.Graph.Find(name) is { } value && value.Consumers.Any(use => !_places.TryGetValue(use.Node, out var place) || place >= next);

    /// <summary>Of the rows of each sample those that its twin has.</summary>
    private LayerInputs InputsOf(Node node, LayerGeometry twin)
    {
        var geometry = LayerGeometry.Of(node)!;
        var most = _count.OfSample(twin, _known.Length);
        var rows = _known.Select((known, position) => known.TryGetValue(node.Input(0)!.Name, out var tensor) && tensor.Type == ElementType.Float
            ? geometry.Sample(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span), tensor.Dimensions.AsSpan(), RowSampling.Of(most, position))
            : SampledRows.None);
        return new(geometry, [.. rows]);
    }
}
