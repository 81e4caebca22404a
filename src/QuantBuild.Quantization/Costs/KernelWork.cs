using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.Costs;

/// <summary>
/// What an operator has to do, as a row of the cost table counts it: <see cref="Units"/> are multiply-adds where weights or matrices are multiplied, elements
/// of windows where they are averaged, elements of the input elsewhere; <see cref="Outputs"/> are elements of the output.
/// </summary>
internal sealed record KernelWork(string Kind, double Units, double Outputs)
{
    /// <summary>Fewer rows than this, and a matrix product is bound by reading its weights.</summary>
    private const int FewestRows = 4;

    /// <summary>Channels that the vector kernels of a depthwise convolution take at a time.</summary>
    private const int ChannelsAtATime = 16;

    private const int ChannelsOfImages = 4;

    /// <summary>Operators that have no row of their own, and the one whose kernel does what theirs do.</summary>
    private static readonly Dictionary<string, string> Alike = new()
    {
        ["Flatten"] = "Reshape",
        ["Squeeze"] = "Reshape",
        ["Unsqueeze"] = "Reshape",
        ["Expand"] = "Slice",
        ["Tile"] = "Slice",
        ["GatherElements"] = "Gather",
        ["Sub"] = "Add",
    };

    /// <summary>Null where the shapes are not known.</summary>
    public static KernelWork? Of(Node node, ModelProfile profile) => node.OpType switch
    {
        "Conv" => OfConvolution(node, profile),
        "Gemm" or "MatMul" => OfProduct(node, profile),
        "AveragePool" when ElementsOf(node.Output, profile) is { } outputs && node.Ints("kernel_shape") is { IsDefault: false } window =>
            new(node.OpType, outputs * window.Aggregate(1.0, (product, length) => product * length), outputs),
        "Concat" when ElementsOf(node.Output, profile) is { } outputs => new(IsReadByItAlone(node) ? "Concat.shared" : "Concat", outputs, outputs),
        _ when node is { Inputs: [{ } input, ..], Outputs: [{ } output, ..] } && ElementsOf(input, profile) is { } inputs && ElementsOf(output, profile) is { } outputs =>
            new(Alike.GetValueOrDefault(node.OpType, node.OpType), node.Is("Add") || node.Is("Mul") ? outputs : inputs, outputs),
        _ => null,
    };

    /// <summary>Null for what no run has shown; open dimensions count as 1.</summary>
    public static double? ElementsOf(Value value, ModelProfile profile) =>
        value.Constant is { } constant ? constant.ElementCount
        : profile.Values.TryGetValue(value.Name, out var seen) ? seen.Shape.Aggregate(1.0, (product, length) => product * Math.Max(length, 1))
        : null;

    /// <summary>Then its inputs are given the range of its output, and integers are copied.</summary>
    private static bool IsReadByItAlone(Node concat) =>
        concat.Inputs.All(input => input is { HasConstant: false, IsGraphOutput: false, Producer: not null, Consumers.Count: 1 });

    private static KernelWork? OfConvolution(Node node, ModelProfile profile)
    {
        if (node.Input(1)?.Constant is not { Rank: > 2 } weights || ElementsOf(node.Output, profile) is not { } outputs)
        {
            return null;
        }

        var (channels, inner) = (weights.Dimensions[0], weights.Dimensions[1]);
        var kernel = weights.Dimensions.Skip(2).Aggregate(1L, (product, length) => product * length);
        var groups = node.Int("group", 1);
        var kind = weights.Rank == 3 ? "Conv.sequence"
            : groups > 1 ? inner == 1 && channels == groups ? channels % ChannelsAtATime == 0 ? "Conv.depthwise" : "Conv.depthwise.odd" : "Conv.grouped"
            : inner <= ChannelsOfImages ? "Conv.stem"
            : kernel == 1 ? "Conv.pointwise"
            : "Conv.spatial";
        return new(kind, outputs * inner * kernel, outputs);
    }

    private static KernelWork? OfProduct(Node node, ModelProfile profile)
    {
        if (ElementsOf(node.Output, profile) is not { } outputs || node.Input(1) is not { } second || ShapeOf(second, profile) is not { Length: > 1 } shape)
        {
            return null;
        }

        var isTransposed = node.Is("Gemm") && node.Int("transB", 0) == 1;
        double depth = shape[^(isTransposed ? 1 : 2)];
        double columns = shape[^(isTransposed ? 2 : 1)];
        var kind = !second.IsConstant ? "MatMul.computed" : outputs / Math.Max(columns, 1) < FewestRows ? "MatMul.vector" : "MatMul";
        return new(kind, outputs * depth, outputs);
    }

    private static ImmutableArray<long> ShapeOf(Value value, ModelProfile profile) =>
        value.Constant is { } constant ? [.. constant.Dimensions] : profile.Values.TryGetValue(value.Name, out var seen) ? seen.Shape : [];
}
