using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// What channels are divided by, as exponents of 2: whoever multiplies by them again gets every bit back.
/// </summary>
/// <param name="groups">Of the model.</param>
/// <param name="exponents">By channel, as <see cref="ChannelGroups.ChannelOf"/> names them; the others stay as they are.</param>
internal sealed class ChannelFactors(ChannelGroups groups, IReadOnlyDictionary<int, int> exponents)
{
    public float Of(int label) => MathF.ScaleB(1, exponents.GetValueOrDefault(groups.ChannelOf(label)));

    /// <summary>By the names of their first outputs, the operators whose constants change.</summary>
    public ImmutableHashSet<string> Changed => [.. Scaled.Select(slot => slot.Node.Output.Name)];

    private IEnumerable<LabelledSlot> Scaled => groups.Slots.Where(slot => !StaysAsItIs(slot) && slot.Labels.Any(label => Of(label) != 1));

    /// <summary>What the channels of a value of the model are divided by; null where they stay as they are.</summary>
    public IReadOnlyList<float>? OfValue(string name) =>
        groups.Model.Graph.Find(name) is { } value && groups.Axes.TryGetValue(value, out var axis) && axis.Labels.Any(label => Of(label) != 1) ? [.. axis.Labels.Select(Of)] : null;

    /// <summary>A changed copy of the model: it computes what the model computes.</summary>
    public Model Apply()
    {
        var copy = groups.Model.Clone();
        var nodes = groups.Model.Graph.AllNodes.Zip(copy.Graph.AllNodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var slot in Scaled)
        {
            Scale(nodes[slot.Node], slot);
        }

        return copy;
    }

    /// <summary>By name, what values of the copy are to be multiplied with to be what they are in the model.</summary>
    public ImmutableDictionary<string, TensorData> Restoring(ModelProfile profile) => groups.Axes
        .Where(entry => profile.RankOf(entry.Key) is not null && entry.Value.Labels.Any(label => Of(label) != 1))
        .ToImmutableDictionary(entry => entry.Key.Name, entry =>
        {
            ImmutableArray<long> shape = [.. Enumerable.Repeat(1L, profile.RankOf(entry.Key)!.Value)];
            return TensorData.Create<float>(shape.SetItem(entry.Value.Axis, entry.Value.Labels.Length), [.. entry.Value.Labels.Select(Of)]);
        });

    /// <summary>Factors and slopes, and the weights of a layer that hands its channels on, carry the factor from input to output.</summary>
    private static bool StaysAsItIs(LabelledSlot slot) => slot.Role == SlotRole.Parameter && slot.Input == 1 && slot.Node.OpType is "Conv" or "ConvTranspose" or "PRelu" or "Div"
        || slot.Role == SlotRole.Parameter && slot.Node.Is("Mul");

    private void Scale(Node node, LabelledSlot slot)
    {
        var given = node.Input(slot.Input)!.Constant!;
        var inner = (int)given.Dimensions.Skip(slot.Axis + 1).Aggregate(1L, (product, length) => product * length);
        float[] factors = [.. slot.Labels.Select(label => slot.Role == SlotRole.Reader ? Of(label) : 1 / Of(label))];
        var source = given.AsSpan<float>();
        var scaled = given.Derive<float>(given.Dimensions, out var target);
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = source[i] * factors[i / inner % factors.Length];
        }

        ConstantInput.Replace(node, slot.Input, scaled);
    }
}
