using QuantBuild.Onnx;
using static QuantBuild.Quantization.Planning.OperatorRole;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// The table of operators: every one of ONNX Runtime's quantizer, and every other that was met in a real model. What has no row stays float, too.
/// </summary>
internal static class OperatorRules
{
    private const string MicrosoftDomain = "com.microsoft";

    private static readonly OperatorRule[] Rows =
    [
        new("Conv", Linear) { ChannelAxis = _ => 0, SumAxis = _ => 1, HasBias = true, TakesActivation = true, Refuse = OperatorRefusals.Conv, Loses = OperatorRefusals.ConvLoses },
        new("ConvTranspose", Linear) { ChannelAxis = _ => 1, HasBias = true, Refuse = OperatorRefusals.ConvTranspose },
        new("Gemm", Linear) { ChannelAxis = node => TransB(node) ? 0 : 1, SumAxis = node => TransB(node) ? 1 : 0, HasBias = true, MayReturnFloat = true, Refuse = OperatorRefusals.Gemm },
        new("MatMul", Linear) { Matches = node => node.Input(1) is { IsConstant: true }, ChannelAxis = _ => 1, MayReturnFloat = true, Refuse = OperatorRefusals.MatMul },
        new("LSTM", Recurrent) { ChannelAxis = _ => 1, SumAxis = _ => 2, HasManyOutputs = true, Refuse = OperatorRefusals.Lstm, Loses = OperatorRefusals.LstmLoses },
        new("Gather", Embedding) { Matches = node => node.Input(0) is { IsConstant: true }, ChannelAxis = _ => 1, WeightInput = 0, DataInputs = _ => [], Refuse = OperatorRefusals.Embedding },

        new("MatMul", Arithmetic) { DataInputs = _ => [0, 1], MayReturnFloat = true },
        new("Add", Arithmetic) { DataInputs = _ => [0, 1], TakesActivation = true, TakesConstants = true },
        new("Mul", Arithmetic) { DataInputs = _ => [0, 1], TakesConstants = true },
        new("GlobalAveragePool", Arithmetic),
        new("Sigmoid", Arithmetic),
        new("LeakyRelu", Arithmetic),
        new("AveragePool", Arithmetic) { Loses = _ => "in INT8 it takes ten times as long as in float" },
        new("Softmax", Arithmetic) { Loses = _ => "in INT8 it takes five times as long as in float" },
        new("Where", Arithmetic) { DataInputs = _ => [1, 2], TakesConstants = true, Loses = _ => "in INT8 it takes longer than in float" },

        new("MaxPool", Moving) { Refuse = (node, _) => node.Outputs.Count > 1 ? "the indices of its maxima are read" : null },
        new("Reshape", Moving),
        new("Flatten", Moving),
        new("Transpose", Moving),
        new("Squeeze", Moving),
        new("Unsqueeze", Moving),
        new("Slice", Moving),
        new("DepthToSpace", Moving),
        new("Expand", Moving),
        new("Tile", Moving),
        new("Gather", Moving),
        new("GatherElements", Moving),
        new("Split", Moving) { HasManyOutputs = true },
        new("Resize", Moving) { Refuse = (node, _) => OperatorRefusals.Resize(node) },
        new("Pad", MovingQuantized) { Refuse = OperatorRefusals.Pad },
        new("Concat", Joining) { DataInputs = node => Enumerable.Range(0, node.Inputs.Count) },

        .. Float("its kernel in INT8 goes through float", "ArgMax"),
        .. Float("it is part of the operator before it where that is INT8", "Relu", "Clip"),
        .. Float("ONNX Runtime has no INT8 kernel of it, and Q and DQ around it cost more than they save",
            "LayerNormalization", "InstanceNormalization", "BatchNormalization", "GroupNormalization", "RMSNormalization", "LpNormalization", "LRN", "MeanVarianceNormalization"),
        .. Float("ONNX Runtime has an INT8 kernel of the LSTM alone", "GRU", "RNN"),
        .. Float("ONNX Runtime has no INT8 kernel of it",
            "Sub", "Div", "Pow", "Sqrt", "Exp", "Log", "Erf", "Tanh", "Neg", "Abs", "Reciprocal", "Max", "Min", "Mean", "Sum", "Elu", "Selu", "Celu", "PRelu", "Gelu", "Mish", "Softplus", "Softsign", "Swish",
            "ThresholdedRelu", "HardSigmoid", "HardSwish", "LogSoftmax", "Hardmax", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
            "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare", "GlobalMaxPool", "LpPool", "GlobalLpPool", "MaxUnpool", "SpaceToDepth", "Upsample", "GridSample", "RoiAlign", "Einsum", "CumSum", "TopK", "ScatterND", "ScatterElements", "Trilu", "Attention", "RotaryEmbedding"),
        .. Float("it works on shapes, indices or conditions, not on activations",
            "Shape", "Size", "Cast", "CastLike", "Constant", "ConstantOfShape", "Range", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "And", "Or", "Xor", "NonZero", "OneHot", "NonMaxSuppression", "ArgMin", "EyeLike", "IsNaN", "IsInf", "Mod"),
        .. Float("it changes nothing and costs nothing", "Identity", "Dropout"),
        .. Float("the operators in its graphs are looked at one by one", "If", "Loop", "Scan"),
        .. Float("only a removed version of ONNX has it, and ONNX Runtime runs it in float alone", "Affine", "Crop", "ImageScaler", "Scale", "ScaledTanh", "ParametricSoftplus"),
        .. Float("its INT8 kernel takes the weights and masks of one exporter alone", "Attention", "EmbedLayerNormalization", "QAttention").Select(row => row with { Domain = MicrosoftDomain }),
    ];

    private static readonly ILookup<(string Domain, string OpType), OperatorRule> All = Rows.ToLookup(rule => (rule.Domain, rule.OpType));

    /// <summary>Null for an operator without a row.</summary>
    public static OperatorRule? Of(Node node) => All[(node.Domain, node.OpType)].FirstOrDefault(rule => rule.Matches(node));

    /// <summary>The reason that is given for every node of a row that stays float.</summary>
    private static OperatorRule[] Float(string reason, params string[] types) =>
        [.. types.Select(type => new OperatorRule(type, OperatorRole.Float) { Refuse = (_, _) => reason })];

    private static bool TransB(Node node) => node.Int("transB", 0) == 1;
}
