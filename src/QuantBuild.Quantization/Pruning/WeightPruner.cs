using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Makes weights of layers 0, in place, as many as are asked for.</summary>
internal sealed class WeightPruner(WeightSparsity sparsity, Saliency saliency, SampleRun samples)
{
    /// <summary>Shorter sums, as in a depthwise convolution, have nothing to spare.</summary>
    private const int ShortestSum = 16;

    private const int LongestSum = 4608;

    /// <summary>Changes the weights of <paramref name="model"/>.</summary>
    /// <returns>For each layer, by name, why it keeps its weights; null where it has zeros now.</returns>
    public ImmutableSortedDictionary<string, string?> Prune(Model model)
    {
        Node[] layers = [.. model.Graph.Nodes.Where(node => LayerGeometry.Of(node) is not null)];
        var reasons = layers.ToImmutableSortedDictionary(Bodies.NameOf, Refuse, StringComparer.Ordinal);
        layers = [.. layers.Where(layer => Refuse(layer) is null)];
        var inputs = saliency == Saliency.Magnitude || samples.Count == 0 ? [] : LayerInputs.Gather(model, layers, samples, RowCount.ToFit.Within(layers.Select(layer => LayerGeometry.Of(layer)!), ModelPruner.MostBytes));
        var results = new (float[] Weights, float[] Shifts)[layers.Length];
        var done = 0;
        Parallel.For(0, layers.Length, new ParallelOptions { MaxDegreeOfParallelism = samples.Threads, CancellationToken = samples.Cancellation }, index =>
        {
            results[index] = Prune(layers[index], inputs.GetValueOrDefault(layers[index]));
            samples.Progress?.Report(new("Pruning weights", Interlocked.Increment(ref done), layers.Length));
        });
        foreach (var (layer, (weights, shifts)) in layers.Zip(results))
        {
            ConstantInput.Replace(layer, 1, LayerGeometry.Of(layer)!.Weights(layer.Input(1)!.Constant!, weights));
            LayerBias.Shift(layer, shifts);
        }

        return reasons;
    }

    private string? Refuse(Node layer)
    {
        var depth = LayerGeometry.Of(layer)!.Depth;
        return layer.Input(1)!.Consumers.Count > 1 ? "its weights are read by other nodes too"
            : depth < ShortestSum ? $"it sums over {depth} weights, which has nothing to spare"
            : depth > LongestSum && saliency == Saliency.SecondOrder ? $"it sums over {depth} weights, more than their moments can be had for"
            : sparsity.GroupSize is { } size && depth % size != 0 ? $"it sums over {depth} weights, which groups of {size} do not divide"
            : null;
    }

    private (float[] Weights, float[] Shifts) Prune(Node layer, LayerInputs? inputs)
    {
        var geometry = LayerGeometry.Of(layer)!;
        var hasBias = LayerBias.IsPossible(layer);
        var (weights, shifts) = (geometry.Rows(layer.Input(1)!.Constant!), new float[hasBias && inputs is not null ? geometry.Channels : 0]);
        var original = weights.ToArray();
        for (var group = 0; group < geometry.Groups; group++)
        {
            var (first, size) = (group * geometry.ChannelsOfGroup, geometry.ChannelsOfGroup * geometry.Depth);
            SparseLayer.Of(sparsity, geometry.Depth, inputs is null ? null : LayerMoments.Of(inputs, group, _ => true, hasBias)).Prune(weights.AsSpan(group * size, size));
            var rows = shifts.Length == 0 ? SampledRows.None : inputs!.Columns(group, _ => true);
            for (var channel = first; channel < first + geometry.ChannelsOfGroup && shifts.Length > 0; channel++)
            {
                var change = new float[geometry.Depth];
                TensorPrimitives.Subtract(original.AsSpan(channel * geometry.Depth, geometry.Depth), weights.AsSpan(channel * geometry.Depth, geometry.Depth), change);
                shifts[channel] = rows.Count == 0 ? 0 : TensorPrimitives.Sum<float>(rows.Times(change)) / rows.Count;
            }
        }

        return (weights, shifts);
    }
}
