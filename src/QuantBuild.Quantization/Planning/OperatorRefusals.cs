using QuantBuild.Onnx;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

/// <summary>What the rows of <see cref="OperatorRules"/> refuse, in words that complete "it stays float because …".</summary>
internal static class OperatorRefusals
{
    /// <summary>A convolution over fewer input channels than this is slower in INT8 (the first layer on an image or a spectrogram).</summary>
    private const int FewestChannels = 5;

    /// <summary>An LSTM with a smaller hidden state is slower in INT8.</summary>
    private const int FewestCells = 64;

    /// <summary>A smaller table is not worth a node more.</summary>
    private const int FewestElements = 1 << 16;

    public static string? Conv(Node node, OperatorContext context) => Weights(node, context) ?? Bias(node);

    public static string? ConvLoses(Node node) =>
        node.Input(1)!.Constant!.Dimensions is [var outputs, var channels, ..] && node.Int("group", 1) == 1 && channels < FewestChannels && !(outputs >= 16 && FeedsMaxPool(node))
            ? $"over {channels} input channels INT8 is slower than float"
            : null;

    /// <summary>Its channels lie on axis 1, one group after the other: a scale for each would have to be one for all groups.</summary>
    public static string? ConvTranspose(Node node, OperatorContext context) =>
        context.Form is { Format: ModelFormat.Dynamic } || (context.Form.IsStatic && context.Form.Target != TargetName.Portable) ? "ONNX Runtime has no INT8 kernel of it"
        : node.Int("group", 1) != 1 ? "its channels are divided into groups"
        : Weights(node, context) ?? Bias(node);

    public static string? Gemm(Node node, OperatorContext context) =>
        Weights(node, context) ?? Bias(node)
        ?? (node.Int("transA", 0) != 0 || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1 ? "ONNX Runtime fuses no Gemm with transA, alpha or beta" : null)
        ?? (node.Input(2)?.Constant is { } bias && (bias.Rank != 1 || bias.Dimensions[0] != node.Input(1)!.Constant!.Dimensions[node.Int("transB", 0) == 1 ? 0 : 1])
            ? "its bias differs from row to row"
            : null);

    public static string? MatMul(Node node, OperatorContext context) =>
        Weights(node, context)
        ?? (node.Input(1)!.Constant!.Rank != 2 ? "its weights are not a matrix" : null)
        ?? (context.Profile.RankOf(node.Input(0)!) is < 2 or null ? "its input is not a matrix" : null);

    /// <summary>Measured: 0.7 to 1 times as fast at 32, 1.3 to 1.9 times at 64, 3 times and more from 256 on.</summary>
    public static string? LstmLoses(Node node) =>
        node.Int("hidden_size", 0) < FewestCells ? $"with a hidden state of {node.Int("hidden_size", 0)} INT8 is slower than float" : null;

    /// <summary>DynamicQuantizeLSTM has neither peepholes nor a choice of activations with parameters.</summary>
    public static string? Lstm(Node node, OperatorContext context) =>
        context.Form.Format == ModelFormat.WeightOnly ? "ONNX Runtime would make its weights float again at every run"
        : !context.Form.HasIntegerKernels ? "ONNX Runtime has an 8-bit kernel of it alone"
        : Weights(node, context)
        ?? (node.Input(2) is not { IsConstant: true } ? "its recurrent weights are computed at run time" : null)
        ?? (node.Input(7) is not null ? "it has peepholes" : null)
        ?? (node.Int("input_forget", 0) != 0 || node.Int("layout", 0) != 0 ? "ONNX Runtime's INT8 kernel does not know its form" : null);

    public static string? Embedding(Node node, OperatorContext context) =>
        node.Int("axis", 0) != 0 || node.Input(0)!.Constant is not { Rank: 2, Type: ElementType.Float, ElementCount: > 0 } table ? "it looks nothing up in a table of floats"
        : context.Form.IsStatic && (context.Costs is null || table.ElementCount < FewestElements) ? "an INT8 table is smaller but no faster; Format=WeightOnly makes it one"
        : !table.IsFinite ? "its table is not finite"
        : null;

    /// <summary>Only the nearest element keeps its value, and only then no new range is needed.</summary>
    public static string? Resize(Node node) =>
        node.Text("mode", "nearest") == "nearest" ? null : "it computes values between those of its input";

    /// <summary>Padding with 0 is padding with the zero point; other values may lie outside the range.</summary>
    public static string? Pad(Node node, OperatorContext context) =>
        context.Form.IsStatic && !context.Form.HasIntegerKernels ? "ONNX Runtime pads integers of 8 bits alone"
        : node.Text("mode", "constant") != "constant" || node.Input(2) is null || (node.Input(2)!.Constant is { ElementCount: 1, Type: ElementType.Float } value && value.ToFloats()[0] == 0)
            ? null
            : "it pads with a value other than 0";

    private static string? Weights(Node node, OperatorContext context) =>
        node.Input(1) is not { IsConstant: true, Constant: { } weights } ? "its weights are computed at run time"
        : weights.Type != ElementType.Float || node.Input(0) is not { } input || !context.Profile.IsFloat(input) ? "it does not compute in single precision"
        : weights.ElementCount == 0 ? "it has no weights"
        : !weights.IsFinite ? "its weights are not finite"
        : null;

    private static string? Bias(Node node) => node.Input(2) is null or { IsConstant: true } ? null : "its bias is computed at run time";

    /// <summary>
    /// ONNX Runtime moves a Q behind a float MaxPool in front of it, and a MaxPool on bytes outside a chain of INT8 convolutions is ten times slower
    /// than the float one: then the convolution before it is better INT8, slow or not.
    /// </summary>
    private static bool FeedsMaxPool(Node node) => node.Output.Consumers.Select(use => use.Node)
        .SelectMany(next => next.Is("Relu") || next.Is("Clip") ? next.Output.Consumers.Select(use => use.Node) : [next])
        .Any(next => next.Is("MaxPool"));
}
