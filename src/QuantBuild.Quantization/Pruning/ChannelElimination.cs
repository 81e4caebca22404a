using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Pruning;

/// <summary>A channel of a group, and what the layers that read it lose when it goes after those before it, as shares of their outputs' energy.</summary>
internal sealed record EliminationStep(ChannelGroup Group, int Channel, double Harm);

/// <summary>In which order the channels of a group had better go, and what the model becomes when some of them have gone.</summary>
internal sealed class ChannelElimination
{
    /// <summary>No group is thinned out any further.</summary>
    private const double LargestShare = 0.8;

    /// <summary>So many channels of a group stay: an axis of length 1 is one that a Squeeze without axes takes away, and that others broadcast along.</summary>
    private const int FewestLeft = 2;

    /// <summary>So much of a group goes for a trial.</summary>
    private const double TrialShare = 0.2;

    private readonly ChannelGroup _group;
    private readonly (Node Node, LayerInputs Inputs, EliminationReader[] Groups)[] _readers;
    private Dictionary<Node, (TensorData Weights, float[] Shifts)> _trial = [];

    /// <param name="group">A group that can be pruned, of more channels than have to stay.</param>
    /// <param name="inputs">Of the layers that read it, as far as they are known.</param>
    public ChannelElimination(ChannelGroup group, IReadOnlyDictionary<Node, LayerInputs> inputs)
    {
        _group = group;
        _readers = [.. group.Readers.Where(slot => slot.Input == 1 && inputs.ContainsKey(slot.Node)).Select(slot => (slot.Node, inputs[slot.Node], Readers(slot, inputs[slot.Node]).ToArray()))];
        Steps = Eliminate();
    }

    /// <summary>The step with the least harm first; how much more comes with each never falls, so that channels of many groups can be compared.</summary>
    public ImmutableArray<EliminationStep> Steps { get; }

    /// <summary>What the readers lose in all with the channels of the trial.</summary>
    public double TrialHarm { get; private set; }

    /// <summary>False for a group that keeps all its channels, since so few stay in any case.</summary>
    public static bool IsPossible(ChannelGroup group) => group.Count > FewestLeft;

    /// <summary>The model with zeros for a fifth of the channels in the layers that read them, whose other weights make up for it; null where no reader is known.</summary>
    public Model? Trial(Model model)
    {
        if (_trial.Count == 0)
        {
            return null;
        }

        var copy = model.Clone();
        foreach (var (node, twin) in model.Graph.AllNodes.Zip(copy.Graph.AllNodes))
        {
            if (_trial.TryGetValue(node, out var weights))
            {
                ConstantInput.Replace(twin, 1, weights.Weights);
                LayerBias.Shift(twin, LayerBias.IsPossible(twin) ? weights.Shifts : []);
            }
        }

        return copy;
    }

    private ImmutableArray<EliminationStep> Eliminate()
    {
        var (left, steps) = (Enumerable.Range(0, _group.Count).ToList(), ImmutableArray.CreateBuilder<EliminationStep>());
        var (readers, magnitudes) = (_readers.SelectMany(reader => reader.Groups).ToArray(), _readers.Length == 0 ? ChannelMagnitude.Of(_group) : []);
        var trial = (int)Math.Max(1, _group.Count * TrialShare);
        var most = Math.Min((int)(_group.Count * LargestShare), _group.Count - FewestLeft);
        for (var harm = 0.0; steps.Count < most;)
        {
            var next = left.Select(channel => (Channel: channel, Harm: readers.Length == 0 ? magnitudes[channel] : readers.Sum(reader => reader.HarmOf(channel)))).MinBy(entry => entry.Harm);
            harm = Math.Max(harm, next.Harm);
            steps.Add(new(_group, next.Channel, harm));
            left.Remove(next.Channel);
            foreach (var reader in readers)
            {
                reader.Remove(next.Channel);
            }

            if (steps.Count == trial)
            {
                TrialHarm = steps.Sum(step => step.Harm);
                _trial = _readers.ToDictionary(reader => reader.Node, Changed);
            }
        }

        return steps.ToImmutable();
    }

    private static (TensorData Weights, float[] Shifts) Changed((Node Node, LayerInputs Inputs, EliminationReader[] Groups) reader)
    {
        var (geometry, weights) = (reader.Inputs.Geometry, reader.Node.Input(1)!.Constant!);
        var (before, size) = (geometry.Rows(weights), geometry.ChannelsOfGroup * geometry.Depth);
        return (
            geometry.Weights(weights, [.. reader.Groups.SelectMany(group => group.Weights)]),
            [.. reader.Groups.SelectMany((group, index) => group.Shifts(before.AsSpan(index * size, size)))]);
    }

    private static IEnumerable<EliminationReader> Readers(ChannelSlot slot, LayerInputs inputs)
    {
        var (geometry, weights) = (inputs.Geometry, inputs.Geometry.Rows(slot.Node.Input(1)!.Constant!));
        var taps = geometry.Depth / (int)slot.Node.Input(1)!.Constant!.Dimensions[slot.Axis];
        int[][] blocks = [.. slot.Positions.Select(positions => positions.SelectMany(position => Enumerable.Range(position * taps, taps)).ToArray())];
        for (var group = 0; group < geometry.Groups; group++)
        {
            if (LayerMoments.Of(inputs, group, _ => true, slot.Node.Is("Conv") || slot.Node.Is("Gemm")) is { } moments)
            {
                var size = geometry.ChannelsOfGroup * geometry.Depth;
                yield return new(moments, weights.AsSpan(group * size, size), blocks);
            }
        }
    }
}
