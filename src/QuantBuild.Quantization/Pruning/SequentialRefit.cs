using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Refits the layers of a pruned model one after the other, each on the inputs that those before it, refitted, give it. The model runs once in all: what lies
/// between two layers is run when the first has its weights.
/// </summary>
internal sealed class SequentialRefit
{
    private readonly Model _pruned;
    private readonly SampleRun _samples;
    private readonly RowCount _count;
    private readonly SampleInputs[] _inputs;
    private readonly Dictionary<string, TensorData>[] _known;
    private readonly Dictionary<Node, int> _places;

    private SequentialRefit(Model pruned, SampleRun samples, RowCount count)
    {
        (_pruned, _samples, _count) = (pruned, samples, count);
        _inputs = [.. samples.Samples.Select(sample => sample.Read().Inputs)];
        _known = [.. _inputs.Select(inputs => inputs.Tensors.ToDictionary())];
        _places = pruned.Graph.Nodes.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
    }

    /// <summary>Changes weights and biases of <paramref name="pruned"/>.</summary>
    /// <param name="original">The model that channels were taken from.</param>
    /// <param name="pruned">What is left, with its nodes in the same order.</param>
    /// <param name="keptChannels">Which output channels a layer of the original has left.</param>
    /// <param name="samples">To fit and to prove on.</param>
    /// <returns>How many layers are better than before.</returns>
    public static int Run(Model original, Model pruned, Func<Node, IReadOnlyList<int>> keptChannels, SampleRun samples)
    {
        var twins = original.Graph.Nodes.Zip(pruned.Graph.Nodes).Where(pair => LayerGeometry.Of(pair.First) is not null && LayerGeometry.Of(pair.Second) is not null)
            .ToDictionary(pair => pair.Second, pair => pair.First);
        var count = RowCount.ToFit.Within(twins.Values.Select(node => LayerGeometry.Of(node)!), ModelPruner.MostBytes);
        var before = LayerInputs.Gather(original, twins.Values, samples, count);
        var refit = new SequentialRefit(pruned, samples, count);
        var (members, refitted) = (new List<Node>(), 0);
        foreach (var (index, node) in pruned.Graph.Nodes.Index())
        {
            if (twins.TryGetValue(node, out var twin))
            {
                refit.Advance(members, index);
                members = [];
                refitted += Fit(node, new(before[twin], before[twin].Geometry.Rows(twin.Input(1)!.Constant!), keptChannels(twin), refit.InputsOf(node, before[twin].Geometry))) ? 1 : 0;
                samples.Progress?.Report(new("Refitting layers", index + 1, pruned.Graph.Nodes.Count));
            }

            members.Add(node);
        }

        return refitted;
    }

    /// <summary>Runs the nodes that lie before the node of a number, and forgets what only they needed.</summary>
    private void Advance(List<Node> members, int next)
    {
        if (members.Count == 0)
        {
            return;
        }

        using var segment = new GraphSegment(_pruned, members, ImmutableHashSet<string>.Empty, Optimization.Float);
        Parallel.For(0, _known.Length, new ParallelOptions { MaxDegreeOfParallelism = _samples.Threads, CancellationToken = _samples.Cancellation }, position =>
        {
            segment.Run(_inputs[position], _known[position]);
            foreach (var name in _known[position].Keys.Where(name => !IsNeeded(name, next)).ToArray())
            {
                _known[position].Remove(name);
            }
        });
    }

    /// <summary>Bodies read what they read until the end.</summary>
    private bool IsNeeded(string name, int next) =>
        _pruned.Graph.Find(name) is { } value && value.Consumers.Any(use => !_places.TryGetValue(use.Node, out var place) || place >= next);

    private LayerInputs InputsOf(Node node, LayerGeometry original)
    {
        var geometry = LayerGeometry.Of(node)!;
        var most = _count.OfSample(original, _known.Length);
        var rows = _known.Select((known, position) => known.TryGetValue(node.Input(0)!.Name, out var tensor) && tensor.Type == ElementType.Float
            ? geometry.Sample(MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span), tensor.Dimensions.AsSpan(), RowSampling.Of(most, position))
            : SampledRows.None);
        return new(geometry, [.. rows]);
    }

    private static bool Fit(Node node, LayerRefit refit)
    {
        var (geometry, weights) = (LayerGeometry.Of(node)!, node.Input(1)!.Constant!);
        if (refit.Fit(geometry.Rows(weights), LayerBias.IsPossible(node)) is not { } fitted)
        {
            return false;
        }

        ConstantInput.Replace(node, 1, geometry.Weights(weights, fitted.Weights));
        LayerBias.Shift(node, fitted.Shifts);
        return true;
    }
}
