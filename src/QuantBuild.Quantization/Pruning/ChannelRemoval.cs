using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Pruning;

/// <summary>Removes channels: the weights that make them, the parameters on their way and the weights that read them.</summary>
internal static class ChannelRemoval
{
    /// <summary>
    /// Returns a changed copy. It computes what the model computes whose readers have zeros for these channels.
    /// </summary>
    /// <param name="model">The model of the groups, or a copy of it with other weights.</param>
    /// <param name="groups">The groups of the model.</param>
    /// <param name="removed">For groups that can be pruned the numbers of channels, from 0 on.</param>
    /// <exception cref="ArgumentException">No channel of a group would be left, the group cannot be pruned, or it has no channel of the number.</exception>
    public static Model Apply(Model model, ChannelGroups groups, IReadOnlyDictionary<ChannelGroup, IReadOnlySet<int>> removed)
    {
        foreach (var (group, channels) in removed)
        {
            Check(group, channels);
        }

        var gone = removed.SelectMany(entry => entry.Value.Select(channel => entry.Key.Labels[channel])).ToHashSet();
        bool IsKept(int label) => !gone.Contains(groups.ChannelOf(label));
        var copy = model.Clone();
        var nodes = groups.Model.Graph.AllNodes.Zip(copy.Graph.AllNodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var slot in groups.Slots.Where(slot => !slot.Labels.All(IsKept)))
        {
            ConstantInput.Select(nodes[slot.Node], slot.Input, slot.Axis, [.. slot.Labels.Index().Where(entry => IsKept(entry.Item)).Select(entry => entry.Index)]);
        }

        foreach (var adaptation in groups.Adaptations.Where(adaptation => !adaptation.Labels.All(IsKept)))
        {
            adaptation.Apply(nodes[adaptation.Node], IsKept);
        }

        foreach (var (value, twin) in nodes.SelectMany(pair => pair.Key.Outputs.Zip(pair.Value.Outputs)))
        {
            if (value is not null && groups.Axes.TryGetValue(value, out var axis))
            {
                Declare(twin!, axis, IsKept);
            }
        }

        GraphVerifier.Verify(copy, "After the removal of channels");
        return copy;
    }

    private static void Check(ChannelGroup group, IReadOnlySet<int> channels)
    {
        if (channels.Any(channel => channel < 0 || channel >= group.Count))
        {
            throw new ArgumentException($"{group.Name} has {group.Count} channels, numbered from 0 on.", nameof(channels));
        }

        if (channels.Count > 0 && (group.Reason is not null || channels.Count == group.Count))
        {
            throw new ArgumentException($"{group.Name} keeps its channels because {group.Reason ?? "one of them at least has to stay"}.", nameof(channels));
        }
    }

    private static void Declare(Value value, ChannelAxis axis, Func<int, bool> isKept)
    {
        if (value.DeclaredShape is { IsDefault: false } shape && axis.Axis < shape.Length && shape[axis.Axis] == axis.Labels.Length)
        {
            value.DeclareLength(axis.Axis, axis.Labels.Count(isKept));
        }
    }
}
