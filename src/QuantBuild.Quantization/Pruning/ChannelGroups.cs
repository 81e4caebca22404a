using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Which channels of a model have to be removed together. Every position on the channel axis of every tensor has a label; operators unite labels. What is
/// united is one channel, and channels that lie in the same tensors, equally often, are a group: as long as one channel of each group stays, no tensor is empty.
/// </summary>
internal sealed class ChannelGroups
{
    private readonly ChannelWalk _walk;

    private ChannelGroups(Model model, ChannelWalk walk)
    {
        (Model, _walk) = (model, walk);
        All = Build();
    }

    public Model Model { get; }

    /// <summary>In the order of the graph, those that cannot be pruned among them. Every output channel of a convolution with constant weights, or of a product with a constant matrix, is in one.</summary>
    public ImmutableArray<ChannelGroup> All { get; }

    public IEnumerable<ChannelGroup> Prunable => All.Where(group => group.Reason is null);

    public IReadOnlyDictionary<Value, ChannelAxis> Axes => _walk.Axes;

    public IReadOnlyList<LabelledSlot> Slots => _walk.Slots;

    public IReadOnlyList<Adaptation> Adaptations => _walk.Adaptations;

    /// <param name="model">A float model.</param>
    /// <param name="profile">Its shapes in a real run.</param>
    public static ChannelGroups Of(Model model, ModelProfile profile) => new(model, new(model, profile));

    /// <summary>The label of the channel to which a label belongs.</summary>
    public int ChannelOf(int label) => _walk.Coupling.Root(label);

    /// <summary>Channels that begin at factors and go nowhere where they would have to stay as they are: they cannot be removed, but other factors can be theirs.</summary>
    public IEnumerable<int> Normalized => Slots.Where(slot => slot.Role == SlotRole.Factor).SelectMany(slot => slot.Labels).Select(ChannelOf).Where(channel => _walk.Coupling.ReasonOf(channel) is null);

    /// <summary>The output channels of a layer that are left when channels of groups are removed.</summary>
    public IReadOnlyList<int> KeptOutputs(Node layer, IReadOnlyDictionary<ChannelGroup, IReadOnlySet<int>> removed)
    {
        var gone = removed.SelectMany(entry => entry.Value.Select(channel => entry.Key.Labels[channel])).ToHashSet();
        var axis = OperatorRules.Of(layer)!.ChannelAxis!(layer);
        var slot = Slots.FirstOrDefault(slot => slot.Node == layer && slot.Input == 1 && slot.Axis == axis);
        return [.. Enumerable.Range(0, (int)layer.Input(1)!.Constant!.Dimensions[axis]).Where(position => slot is null || !gone.Contains(ChannelOf(slot.Labels[position])))];
    }

    private ImmutableArray<ChannelGroup> Build()
    {
        var signatures = Signatures();
        var names = new Dictionary<string, int>();
        return
        [
            .. Slots.Where(slot => slot.Role == SlotRole.Producer).SelectMany(slot => slot.Labels, (slot, label) => (slot.Node, Channel: ChannelOf(label)))
                .DistinctBy(entry => entry.Channel).GroupBy(entry => signatures[entry.Channel])
                .Select(group => Group(NameOf(group.First().Node), [.. group.Select(entry => entry.Channel)])),
        ];

        string NameOf(Node node)
        {
            var name = Bodies.NameOf(node);
            return (names[name] = names.GetValueOrDefault(name) + 1) is > 1 and var number ? string.Create(CultureInfo.InvariantCulture, $"{name}#{number}") : name;
        }
    }

    /// <summary>For each channel how often it lies in which tensor, and whether it has to stay.</summary>
    private Dictionary<int, string> Signatures()
    {
        var signatures = new Dictionary<int, StringBuilder>();
        foreach (var (index, labels) in Slots.Select(slot => slot.Labels).Concat(Axes.Values.Select(axis => axis.Labels)).Index())
        {
            foreach (var (channel, count) in labels.CountBy(ChannelOf))
            {
                if (!signatures.TryGetValue(channel, out var signature))
                {
                    signatures[channel] = signature = new(_walk.Coupling.ReasonOf(channel));
                }

                signature.Append(CultureInfo.InvariantCulture, $";{index}:{count}");
            }
        }

        return signatures.ToDictionary(entry => entry.Key, entry => entry.Value.ToString());
    }

    private ChannelGroup Group(string name, ImmutableArray<int> channels)
    {
        var numbers = channels.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var slots = Slots.Select(slot => (slot.Role, Slot: In(slot))).Where(entry => entry.Slot is not null).ToLookup(entry => entry.Role, entry => entry.Slot!);
        return new(name, channels)
        {
            Reason = _walk.Coupling.ReasonOf(channels[0])
                ?? (slots[SlotRole.Factor].FirstOrDefault() is { } factor ? $"{factor.Node} computes each of them from all" : null)
                ?? (channels.Length == 1 ? "there is one alone" : null),
            Producers = [.. slots[SlotRole.Producer]],
            Parameters = [.. slots[SlotRole.Parameter]],
            Readers = [.. slots[SlotRole.Reader]],
        };

        ChannelSlot? In(LabelledSlot slot)
        {
            var positions = channels.Select(_ => ImmutableArray.CreateBuilder<int>()).ToArray();
            foreach (var (position, label) in slot.Labels.Index())
            {
                if (numbers.TryGetValue(ChannelOf(label), out var number))
                {
                    positions[number].Add(position);
                }
            }

            return positions[0].Count == 0 ? null : new(slot.Node, slot.Input, slot.Axis, [.. positions.Select(places => places.ToImmutable())]);
        }
    }
}
