using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// A pixel shuffle that is spelled out as Reshape, Transpose and Reshape, as PyTorch did below opset 11, becomes a DepthToSpace: ONNX Runtime's kernel takes
/// a fraction of the time of a Transpose of six axes. Of integers of more than 8 bits it has none.
/// </summary>
internal sealed class RecognizeDepthToSpace : GraphPass
{
    /// <summary>The first whose DepthToSpace knows both orders of the channels.</summary>
    private const long FirstOpset = 11;

    /// <summary>How each mode takes the channels apart, and where the parts go.</summary>
    private static readonly (string Mode, ImmutableArray<long> Permutation, int Channels, int Block)[] Modes =
        [("CRD", [0, 1, 4, 2, 5, 3], 1, 2), ("DCR", [0, 3, 4, 1, 5, 2], 3, 1)];

    public override void Run(Model model)
    {
        if (model.Opset < FirstOpset)
        {
            return;
        }

        var ends = Bodies.Nodes(model.Graph).Where(IsEnd).ToArray();
        var (shapes, types) = (InferredShapes.Of(model, ends.Select(SourceOf)), new InferredTypes(model));
        foreach (var last in ends)
        {
            var (transpose, source) = (last.Input(0)!.Producer!, SourceOf(last));
            if (types.TypeOf(source) == ElementType.Float && shapes.TryGetValue(source, out var shape) && Match(last, transpose, shape) is { } match)
            {
                last.Graph.Replace(last, "DepthToSpace", [source]).Set("blocksize", match.Block).Set("mode", match.Mode);
                var first = transpose.Input(0)!.Producer!;
                transpose.Graph.Remove(transpose);
                first.Graph.Remove(first);
            }
        }
    }

    private static Value SourceOf(Node last) => last.Input(0)!.Producer!.Input(0)!.Producer!.Input(0)!;

    private static bool IsEnd(Node node) =>
        IsReshape(node) && ReadByItAlone(node) is { } transpose && transpose.Is("Transpose") && ReadByItAlone(transpose) is { } first && IsReshape(first) && first.Input(0) is { HasConstant: false };

    private static bool IsReshape(Node node) => node.Is("Reshape") && node.Int("allowzero", 0) == 0 && node.Input(1) is { IsConstant: true };

    private static Node? ReadByItAlone(Node node) =>
        node.Input(0) is { IsGraphOutput: false, Consumers.Count: 1, Producer: { } producer } && producer.Graph == node.Graph ? producer : null;

    private static (string Mode, long Block)? Match(Node last, Node transpose, ImmutableArray<long?> shape)
    {
        ImmutableArray<long> apart = TargetOf(transpose.Input(0)!.Producer!), together = TargetOf(last);
        if (shape is not [var batch, { } depth, { } height, { } width] || apart.Length != 6 || together.Length != 4)
        {
            return null;
        }

        foreach (var (mode, permutation, channelAxis, blockAxis) in Modes.Where(mode => mode.Permutation.SequenceEqual(transpose.Ints("perm"))))
        {
            var block = apart[blockAxis];
            if (block < 1 || depth % (block * block) != 0)
            {
                continue;
            }

            var channels = depth / (block * block);
            long?[] parts = [batch, block, block, block, height, width];
            parts[channelAxis] = channels;
            if (Fits(apart, parts, copied: 1) && Fits(together, [batch, channels, height * block, width * block], copied: 2))
            {
                return (mode, block);
            }
        }

        return null;
    }

    private static ImmutableArray<long> TargetOf(Node reshape) => reshape.Input(1)!.Constant!.ToLongs();

    /// <summary>A 0 copies the dimension at its place, which the first <paramref name="copied"/> have from the input; one -1 is what is left.</summary>
    private static bool Fits(ImmutableArray<long> target, long?[] shape, int copied) =>
        target.Count(length => length < 0) <= 1
        && target.Index().All(entry => entry.Item < 0 || (entry.Item == 0 ? entry.Index < copied : entry.Item == shape[entry.Index]));
}
