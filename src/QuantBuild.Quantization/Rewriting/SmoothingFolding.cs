using System.Collections.Immutable;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Takes the division in front of smoothed products into the constants of what makes their input, where nothing else reads it: the scale and the bias of a
/// normalization, or factors and terms that it was spelled out with. The division costs nothing then.
/// </summary>
internal static class SmoothingFolding
{
    /// <summary>By operator, the inputs that the output is proportional to, all of them together.</summary>
    private static readonly ImmutableDictionary<(string Domain, string OpType), ImmutableArray<int>> Scaling = new Dictionary<(string, string), ImmutableArray<int>>
    {
        [("", "LayerNormalization")] = [1, 2],
        [("", "SimplifiedLayerNormalization")] = [1],
        [("", "RMSNormalization")] = [1],
        [(RecognizeActivations.MicrosoftDomain, "SkipLayerNormalization")] = [2, 3],
        [(RecognizeActivations.MicrosoftDomain, "SkipSimplifiedLayerNormalization")] = [2],
    }.ToImmutableDictionary();

    /// <param name="division">A Mul with one factor for each element of the last axis; it goes where it can be taken in.</param>
    public static void Fold(Node division)
    {
        var (value, factors) = (division.Input(0)!, division.Input(1)!.Constant!);
        if (Places(value, (int)factors.ElementCount) is not { } places)
        {
            return;
        }

        foreach (var (node, input) in places)
        {
            ConstantInput.Replace(node, input, Multiply(node.Input(input)!.Constant!, factors));
        }

        division.Output.ReplaceAllUsesWith(value);
        value.Graph.Remove(division);
    }

    /// <summary>The constants that a value is proportional to if all are multiplied; null where there are none or others would notice.</summary>
    private static ImmutableArray<(Node Node, int Input)>? Places(Value? value, int channels)
    {
        if (value is not { Producer: { } maker, IsGraphOutput: false, Consumers: [{ Node: var reader }] } || reader.Graph != value.Graph || maker.Graph != value.Graph || maker.Outputs[0] != value)
        {
            return null;
        }

        if (Scaling.TryGetValue((maker.Domain, maker.OpType), out var inputs))
        {
            ImmutableArray<int> given = [.. inputs.Where(input => maker.Input(input) is not null)];
            return maker.Int("axis", -1) == -1 && given.All(input => IsVector(maker.Input(input)!, channels)) ? [.. given.Select(input => (maker, input))] : null;
        }

        var constant = maker.Domain.Length == 0 && maker.OpType is "Mul" or "Add" ? maker.Inputs.ToList().FindIndex(input => input is not null && IsVector(input, channels)) : -1;
        return constant < 0 ? null
            : maker.Is("Mul") ? [(maker, constant)]
            : Places(maker.Input(1 - constant), channels) is { } rest ? rest.Add((maker, constant)) : null;
    }

    private static bool IsVector(Value value, int channels) => value is { IsConstant: true, Constant: { Type: ElementType.Float, Rank: 1 } constant } && constant.ElementCount == channels;

    private static TensorData Multiply(TensorData constant, TensorData factors)
    {
        var product = constant.Derive<float>(constant.Dimensions, out var elements);
        TensorPrimitives.Multiply(constant.AsSpan<float>(), factors.AsSpan<float>(), elements);
        return product;
    }
}
