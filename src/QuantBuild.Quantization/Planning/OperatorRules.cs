using System.Collections.Frozen;
using System.Numerics.Tensors;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.Planning;

/// <summary>The table of operators that can be INT8; what has no row stays float.</summary>
internal static class OperatorRules
{
    /// <summary>A convolution over fewer input channels than this is slower in INT8 (the first layer on an image or a spectrogram).</summary>
    private const int FewestChannels = 5;

    private static readonly OperatorRule[] Rows =
    [
        new("Conv", OperatorRole.Linear) { ChannelAxis = _ => 0, HasBias = true, TakesActivation = true, Refuse = RefuseConv },
        new("Gemm", OperatorRole.Linear) { ChannelAxis = node => node.Int("transB", 0) == 1 ? 0 : 1, HasBias = true, MayReturnFloat = true, Refuse = RefuseGemm },
        new("MatMul", OperatorRole.Linear) { ChannelAxis = _ => 1, MayReturnFloat = true, Refuse = RefuseMatMul },
        new("Add", OperatorRole.Arithmetic) { TakesActivation = true },
        new("GlobalAveragePool", OperatorRole.Arithmetic),
        new("MaxPool", OperatorRole.Moving) { Refuse = (node, _) => node.Outputs.Count > 1 ? "the indices of its maxima are read" : null },
        new("Reshape", OperatorRole.Moving),
        new("Flatten", OperatorRole.Moving),
        new("Transpose", OperatorRole.Moving),
        new("Squeeze", OperatorRole.Moving),
        new("Unsqueeze", OperatorRole.Moving),
        new("Slice", OperatorRole.Moving),
        new("DepthToSpace", OperatorRole.Moving),
        new("Pad", OperatorRole.MovingQuantized) { Refuse = RefusePad },
        new("Concat", OperatorRole.Joining),
    ];

    public static FrozenDictionary<string, OperatorRule> All { get; } = Rows.ToFrozenDictionary(rule => rule.OpType, StringComparer.Ordinal);

    public static OperatorRule? Of(Node node) => node.Domain.Length == 0 ? All.GetValueOrDefault(node.OpType) : null;

    private static string? RefuseWeights(Node node, ModelProfile profile) =>
        node.Input(1) is not { IsConstant: true, Constant: { } weights } ? "its weights are computed at run time"
        : weights.Type != ElementType.Float || node.Input(0) is not { } input || !profile.IsFloat(input) ? "it does not compute in single precision"
        : weights.ElementCount == 0 ? "it has no weights"
        : !float.IsFinite(TensorPrimitives.MaxMagnitude(weights.AsSpan<float>())) ? "its weights are not finite"
        : null;

    private static string? RefuseBias(Node node) => node.Input(2) is null or { IsConstant: true } ? null : "its bias is computed at run time";

    private static string? RefuseConv(Node node, ModelProfile profile) =>
        RefuseWeights(node, profile) ?? RefuseBias(node)
        ?? (node.Input(1)!.Constant!.Dimensions is [var outputs, var channels, ..] && node.Int("group", 1) == 1 && channels < FewestChannels && !(outputs >= 16 && FeedsMaxPool(node))
            ? $"over {channels} input channels INT8 is slower than float"
            : null);

    /// <summary>
    /// ONNX Runtime moves a Q behind a float MaxPool in front of it, and a MaxPool on bytes outside a chain of INT8 convolutions is ten times slower
    /// than the float one: then the convolution before it is better INT8, slow or not.
    /// </summary>
    private static bool FeedsMaxPool(Node node) => node.Output.Consumers.Select(use => use.Node)
        .SelectMany(next => next.Is("Relu") || next.Is("Clip") ? next.Output.Consumers.Select(use => use.Node) : [next])
        .Any(next => next.Is("MaxPool"));

    private static string? RefuseGemm(Node node, ModelProfile profile) =>
        RefuseWeights(node, profile) ?? RefuseBias(node)
        ?? (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1 ? "ONNX Runtime fuses no Gemm with transA, alpha or beta" : null)
        ?? (node.Input(2)?.Constant is { } bias && (bias.Rank != 1 || bias.Dimensions[0] != node.Input(1)!.Constant!.Dimensions[node.Int("transB", 0) == 1 ? 0 : 1])
            ? "its bias differs from row to row"
            : null);

    private static string? RefuseMatMul(Node node, ModelProfile profile) =>
        RefuseWeights(node, profile)
        ?? (node.Input(1)!.Constant!.Rank != 2 ? "its weights are not a matrix" : null)
        ?? (profile.RankOf(node.Input(0)!) is < 2 or null ? "its input is not a matrix" : null);

    /// <summary>Padding with 0 is padding with the zero point; other values may lie outside the range.</summary>
    private static string? RefusePad(Node node, ModelProfile profile) =>
        node.Text("mode", "constant") != "constant" || node.Input(2) is null || node.Input(2)!.Constant is { ElementCount: 1, Type: ElementType.Float } value && value.ToFloats()[0] == 0
            ? null
            : "it pads with a value other than 0";
}
