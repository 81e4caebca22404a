using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>Channels that lie in the same quantized tensors, so that the factor of one changes what it is worth to the others.</summary>
/// <param name="Readers">The units that read these tensors.</param>
/// <param name="Activations">For each channel that can be scaled, the largest magnitude as a share of the tensor's, in the tensor where that is largest.</param>
/// <param name="Weights">The same of the weights that read it.</param>
internal sealed record ChannelCluster(
    ImmutableArray<QuantizedUnit> Readers, ImmutableDictionary<int, double> Activations, ImmutableDictionary<int, double> Weights)
{
    private const int LargestExponent = 10;

    /// <summary>Of s = 2^round(log₂(x^α / w^(1−α))) with a geometric mean of about 1; a channel without activations or weights stays as it is.</summary>
    public Dictionary<int, int> Exponents(double strength)
    {
        var logarithms = Activations.Keys
            .Select(channel => (Channel: channel, Logarithm: (strength * Math.Log2(Activations[channel])) - ((1 - strength) * Math.Log2(Weights.GetValueOrDefault(channel, 1)))))
            .Where(entry => double.IsFinite(entry.Logarithm)).ToArray();
        var mean = logarithms.Select(entry => entry.Logarithm).DefaultIfEmpty(0).Average();
        return logarithms.ToDictionary(entry => entry.Channel, entry => (int)Math.Round(Math.Clamp(entry.Logarithm - mean, -LargestExponent, LargestExponent)));
    }

    /// <param name="groups">Of the model.</param>
    /// <param name="scalable">The channels that can be scaled.</param>
    /// <param name="units">What is quantized.</param>
    /// <param name="statistics">Of the tensors that they read, as far as these have channels that can be scaled.</param>
    public static ImmutableArray<ChannelCluster> Of(
        ChannelGroups groups, IReadOnlySet<int> scalable, ImmutableArray<QuantizedUnit> units, IReadOnlyDictionary<Value, ChannelStatistics> statistics)
    {
        var tensors = statistics.Where(entry => entry.Value.Min.Length == groups.Axes[entry.Key].Labels.Length)
            .ToDictionary(entry => entry.Key, entry => ShareOf(groups.Axes[entry.Key].Labels.Select(groups.ChannelOf), entry.Value.Largest));
        var joined = Join(tensors.Values.Select(shares => shares.Keys));
        return
        [
            .. tensors.Keys.GroupBy(value => joined[tensors[value].Keys.First()]).Select(cluster =>
            {
                ImmutableArray<QuantizedUnit> readers = [.. units.Where(unit => unit.Inputs.Any(cluster.Contains))];
                var weights = groups.Slots.Where(slot => slot.Role != SlotRole.Producer && readers.Any(unit => unit.Rule.Role == OperatorRole.Linear && unit.Node == slot.Node && unit.Rule.WeightInput == slot.Input))
                    .Select(slot => ShareOf(slot.Labels.Select(groups.ChannelOf), LargestAlong(slot)));
                return new ChannelCluster(readers, Largest(cluster.Select(value => tensors[value]), scalable), Largest(weights, scalable));
            }),
        ];
    }

    /// <summary>Which channels are in one cluster: the same number for all of them.</summary>
    private static Dictionary<int, int> Join(IEnumerable<IEnumerable<int>> tensors)
    {
        var (coupling, labels) = (new ChannelCoupling(), new Dictionary<int, int>());
        foreach (var channels in tensors)
        {
            int? first = null;
            foreach (var channel in channels)
            {
                var label = labels.TryGetValue(channel, out var known) ? known : labels[channel] = coupling.Fresh(1)[0];
                coupling.Unite(first ??= label, label);
            }
        }

        return labels.ToDictionary(entry => entry.Key, entry => coupling.Root(entry.Value));
    }

    private static Dictionary<int, double> ShareOf(IEnumerable<int> channels, IReadOnlyList<float> largest)
    {
        var all = largest.Max();
        return channels.Zip(largest).GroupBy(entry => entry.First, entry => entry.Second).ToDictionary(group => group.Key, group => all > 0 ? (double)group.Max() / all : 0);
    }

    private static ImmutableDictionary<int, double> Largest(IEnumerable<Dictionary<int, double>> shares, IReadOnlySet<int> scalable) =>
        shares.SelectMany(entries => entries).Where(entry => scalable.Contains(entry.Key)).GroupBy(entry => entry.Key, entry => entry.Value)
            .ToImmutableDictionary(group => group.Key, group => group.Max());

    private static float[] LargestAlong(LabelledSlot slot)
    {
        var weights = slot.Node.Input(slot.Input)!.Constant!;
        var inner = (int)weights.Dimensions.Skip(slot.Axis + 1).Aggregate(1L, (product, length) => product * length);
        var largest = new float[slot.Labels.Length];
        var elements = weights.AsSpan<float>();
        for (var i = 0; i < elements.Length; i++)
        {
            ref var own = ref largest[i / inner % largest.Length];
            own = Math.Max(own, Math.Abs(elements[i]));
        }

        return largest;
    }
}
