using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Corrections;

/// <summary>
/// A Relu between a layer and others that have no other input and no padding: a constant that is subtracted from the first one's bias can be added, through
/// the weights of the others, to theirs. Where no element is cut off with it or without it, the model computes the same.
/// </summary>
/// <param name="Relu">The activation.</param>
internal sealed record AbsorbingSite(Node Relu)
{
    public Node Layer => Relu.Input(0)!.Producer!;

    public ImmutableArray<Node> Readers => [.. Relu.Output.Consumers.Select(use => use.Node).Distinct()];

    /// <param name="model">A prepared one.</param>
    public static ImmutableArray<AbsorbingSite> Find(Model model) =>
        [.. Bodies.Nodes(model.Graph).Where(node => node.Is("Relu")).Select(node => new AbsorbingSite(node)).Where(site => site.IsPossible())];

    /// <summary>Moves what is taken from each channel behind the Relu into the biases of what reads it.</summary>
    /// <param name="model">It is left as it is.</param>
    /// <param name="shifts">By the name of a site's Relu's output.</param>
    public static Model Apply(Model model, IReadOnlyDictionary<string, ImmutableArray<float>> shifts)
    {
        var copy = model.Clone();
        foreach (var site in Find(copy).Where(site => shifts.ContainsKey(site.Relu.Output.Name)))
        {
            var own = shifts[site.Relu.Output.Name];
            LayerBias.Shift(site.Layer, [.. own.Select(shift => -shift)]);
            foreach (var reader in site.Readers)
            {
                LayerBias.Shift(reader, Through(reader, own));
            }
        }

        return copy;
    }

    private bool IsPossible() =>
        !Relu.Output.IsGraphOutput && Relu.Input(0) is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } layer } && layer.Graph == Relu.Graph && CanShift(layer)
        && !Readers.IsEmpty && Relu.Output.Consumers.All(use => use.Index == 0 && use.Node.Graph == Relu.Graph && CanShift(use.Node) && TakesAllAlike(use.Node));

    private static bool CanShift(Node node) =>
        node.OpType is "Conv" or "Gemm" && node.Domain.Length == 0 && LayerBias.IsPossible(node) && node.Input(1) is { IsConstant: true, Constant: { Type: ElementType.Float } };

    /// <summary>Padding is with zeros, which nothing is taken from.</summary>
    private static bool TakesAllAlike(Node reader) => reader.Is("Gemm") ? reader.Int("transA", 0) == 0
        : reader.Int("group", 1) == 1 && reader.Text("auto_pad", "NOTSET") is "NOTSET" or "VALID" && !(reader.Ints("pads") is { IsDefault: false } pads && pads.Any(pad => pad != 0));

    private static float[] Through(Node reader, ImmutableArray<float> shifts)
    {
        var (rule, weights) = (OperatorRules.Of(reader)!, reader.Input(1)!.Constant!);
        var (outputAxis, inputAxis) = (rule.ChannelAxis!(reader), rule.SumAxis(reader));
        var sums = new double[weights.Dimensions[outputAxis]];
        var elements = weights.AsSpan<float>();
        var (outputInner, inputInner) = (Inner(outputAxis), Inner(inputAxis));
        for (var i = 0; i < elements.Length; i++)
        {
            sums[i / outputInner % sums.Length] += (double)elements[i] * shifts[i / inputInner % shifts.Length];
        }

        return Array.ConvertAll(sums, sum => (float)sum);

        int Inner(int axis) => (int)weights.Dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
    }
}
