using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Refits the layers of a pruned model one after the other, each on the inputs that those before it, refitted, give it.</summary>
internal static class SequentialRefit
{
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
        var refitted = 0;
        new LayerSequence(pruned, samples, count).ForEach("Refitting layers", twins.ToDictionary(pair => pair.Key, pair => before[pair.Value].Geometry), (node, now) =>
        {
            var twin = twins[node];
            refitted += Fit(node, new(before[twin], before[twin].Geometry.Rows(twin.Input(1)!.Constant!), keptChannels(twin), now)) ? 1 : 0;
        });
        return refitted;
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
