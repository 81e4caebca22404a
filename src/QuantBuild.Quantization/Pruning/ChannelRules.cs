using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// A row of <see cref="ChannelRules"/>. <paramref name="Follow"/> carries channels from inputs to outputs, and says why where it cannot, in words that
/// follow the node's name.
/// </summary>
internal sealed record ChannelRule(Func<Node, ChannelWalk, string?> Follow, params string[] OpTypes)
{
    /// <summary>"" for ONNX's own operators.</summary>
    public string Domain { get; init; } = "";

    /// <summary>True where any input may have channels; otherwise the first alone, and others are parameters.</summary>
    public bool HasManyInputs { get; init; }

    /// <summary>The inputs with shapes in which the number of channels may be: the rule looks after it.</summary>
    public Func<int, bool> TakesCounts { get; init; } = _ => false;

    /// <summary>True where the rule carries channels to every output; otherwise there may be no more than one.</summary>
    public bool HasManyOutputs { get; init; }
}

/// <summary>The table of operators through which channels can be followed. What has no row keeps the channels that it meets.</summary>
internal static class ChannelRules
{
    private static readonly Dictionary<(string Domain, string OpType), ChannelRule> OfTensors = ByType(
        new(LinearChannels.Convolution, "Conv", "ConvTranspose"),
        new(LinearChannels.Product, "Gemm", "MatMul"),
        new(ElementwiseChannels.OneOperand,
            "Relu", "LeakyRelu", "Clip", "Elu", "Selu", "Celu", "ThresholdedRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Gelu", "Swish", "Softplus", "Softsign", "Tanh", "Erf",
            "Abs", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Not", "Identity", "Dropout", "Cast"),
        new(ElementwiseChannels.ManyOperands, "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mean", "Sum", "PRelu") { HasManyInputs = true },
        new(ElementwiseChannels.ManyOperands, "Where", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual") { HasManyInputs = true },
        new(ElementwiseChannels.ManyOperands, RecognizeActivations.FastGelu) { Domain = RecognizeActivations.MicrosoftDomain, HasManyInputs = true },
        new(SpatialChannels.Pool, "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"),
        new(SpatialChannels.Reduce,
            "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"),
        new((node, walk) => SpatialChannels.Normalize(node, walk, 4), "BatchNormalization"),
        new((node, walk) => SpatialChannels.Normalize(node, walk, 2), "InstanceNormalization"),
        new(NormalizedChannels.Normalize, "LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization"),
        new(SpatialChannels.Resize, "Resize") { TakesCounts = input => input == 3 },
        new(ReshapedChannels.Reshape, "Reshape") { TakesCounts = input => input == 1 },
        new(ReshapedChannels.Regroup, "Flatten", "Squeeze", "Unsqueeze"),
        new(MovedChannels.Transpose, "Transpose"),
        new(MovedChannels.Concat, "Concat") { HasManyInputs = true },
        new(MovedChannels.Split, "Split") { HasManyOutputs = true },
        new(MovedChannels.Slice, "Slice"),
        new(MovedChannels.Pad, "Pad"));

    private static readonly Dictionary<(string Domain, string OpType), ChannelRule> OfShapes = ByType(
        new(ShapeArithmetic.Shape, "Shape") { TakesCounts = _ => true },
        new(ShapeArithmetic.Pass, "Cast", "Identity", "Squeeze", "Unsqueeze") { TakesCounts = _ => true },
        new(ShapeArithmetic.Concat, "Concat") { TakesCounts = _ => true },
        new(ShapeArithmetic.Gather, "Gather") { TakesCounts = _ => true },
        new(ShapeArithmetic.Slice, "Slice") { TakesCounts = _ => true });

    /// <summary>Null for an operator without a row.</summary>
    public static ChannelRule? Of(Node node) => OfTensors.GetValueOrDefault((node.Domain, node.OpType));

    /// <summary>The rule of an operator that computes a shape; null for one without.</summary>
    public static ChannelRule? OfShape(Node node) => OfShapes.GetValueOrDefault((node.Domain, node.OpType));

    private static Dictionary<(string Domain, string OpType), ChannelRule> ByType(params ChannelRule[] rules) =>
        rules.SelectMany(rule => rule.OpTypes, (rule, type) => (Key: (rule.Domain, type), rule)).ToDictionary(entry => entry.Key, entry => entry.rule);
}
