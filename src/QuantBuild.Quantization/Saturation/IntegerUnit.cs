using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>
/// An operator of an optimized graph whose kernel multiplies unsigned activations by signed weights, and what it computes on a chosen kind of
/// processor. All such kernels have the order of <see cref="PairedWeights"/>.
/// </summary>
internal abstract class IntegerUnit(Node node, KernelOperands operands, PairedWeights? constant)
{
    public Node Node { get; } = node;

    public SaturationTally Tally { get; } = new();

    /// <summary>Null where they are computed by the model itself.</summary>
    public PairedWeights? Constant => constant;

    /// <summary>Weights that the model computes may be anything.</summary>
    public bool CanSaturate => constant?.CanSaturate ?? true;

    /// <summary>Null for an operator whose kernel cannot saturate, whatever its weights are.</summary>
    public static IntegerUnit? Of(Node node)
    {
        if (KernelOperands.Of(node) is not { } operands || !MayBe(node, operands.Activation, operands.ActivationZeroPoint, ElementType.UInt8)
            || !MayBe(node, operands.Weights, operands.WeightZeroPoint, ElementType.Int8))
        {
            return null;
        }

        return node.OpType != "QLinearConv" ? MatrixUnit.Create(node, operands)
            : ConvolutionUnit.IsDepthwise(node) ? null
            : ConvolutionUnit.Create(node, operands);
    }

    /// <summary>True where the emulation knows the form of the operator.</summary>
    public abstract bool IsKnown { get; }

    public TensorData Run(IReadOnlyDictionary<string, TensorData> known, bool saturates) => Run(new OperandValues(Node, operands, known), saturates);

    protected abstract TensorData Run(OperandValues values, bool saturates);

    /// <summary>Signed activations, and unsigned weights, have exact kernels; a zero point is of its tensor's type.</summary>
    private static bool MayBe(Node node, int operand, int zeroPoint, ElementType type) =>
        (node.Input(operand)?.Constant ?? (zeroPoint < 0 ? null : node.Input(zeroPoint)?.Constant)) is not { } tensor || tensor.Type == type;
}
