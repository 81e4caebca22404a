using System.Collections.Frozen;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>Where an operator on integers has its operands; −1 for what it has not.</summary>
internal sealed record KernelOperands(int Activation, int Weights)
{
    private static readonly FrozenDictionary<string, KernelOperands> Table = new Dictionary<string, KernelOperands>
    {
        ["QLinearConv"] = new(0, 3) { ActivationScale = 1, ActivationZeroPoint = 2, WeightScale = 4, WeightZeroPoint = 5, OutputScale = 6, OutputZeroPoint = 7, Bias = 8 },
        ["QLinearMatMul"] = new(0, 3) { ActivationScale = 1, ActivationZeroPoint = 2, WeightScale = 4, WeightZeroPoint = 5, OutputScale = 6, OutputZeroPoint = 7 },
        ["QGemm"] = new(0, 3) { ActivationScale = 1, ActivationZeroPoint = 2, WeightScale = 4, WeightZeroPoint = 5, Bias = 6, OutputScale = 7, OutputZeroPoint = 8 },
        ["MatMulIntegerToFloat"] = new(0, 1) { ActivationScale = 2, WeightScale = 3, ActivationZeroPoint = 4, WeightZeroPoint = 5, FloatBias = 6 },
        ["MatMulInteger"] = new(0, 1) { ActivationZeroPoint = 2, WeightZeroPoint = 3 },
    }.ToFrozenDictionary();

    public int ActivationScale { get; init; } = -1;

    public int ActivationZeroPoint { get; init; } = -1;

    public int WeightScale { get; init; } = -1;

    public int WeightZeroPoint { get; init; } = -1;

    public int OutputScale { get; init; } = -1;

    public int OutputZeroPoint { get; init; } = -1;

    /// <summary>Added to the integer sum.</summary>
    public int Bias { get; init; } = -1;

    /// <summary>Added to the scaled sum.</summary>
    public int FloatBias { get; init; } = -1;

    /// <summary>Null for an operator without a kernel that multiplies unsigned by signed bytes, or whose kernel is exact everywhere, as that of ConvInteger.</summary>
    public static KernelOperands? Of(Node node) => Table.GetValueOrDefault(node.OpType);
}
