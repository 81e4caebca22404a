using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>The operands of one operator in one run: constants of the model, and what was computed before.</summary>
internal sealed class OperandValues(Node node, KernelOperands operands, IReadOnlyDictionary<string, TensorData> known)
{
    public TensorData Activation => At(operands.Activation)!;

    public TensorData Weights => At(operands.Weights)!;

    public int ActivationZeroPoint => IntegersAt(operands.ActivationZeroPoint) is [var zeroPoint, ..] ? zeroPoint : 0;

    /// <summary>One, or one for each channel; empty where all are 0.</summary>
    public int[] WeightZeroPoints => IntegersAt(operands.WeightZeroPoint) is { } zeroPoints && zeroPoints.Any(zeroPoint => zeroPoint != 0) ? zeroPoints : [];

    /// <summary>Empty where the operator has none.</summary>
    public int[] Bias => IntegersAt(operands.Bias);

    public float[] FloatBias => FloatsAt(operands.FloatBias);

    /// <summary>What the sums of each channel are multiplied by, one for all or for each; empty where they are handed out as they are.</summary>
    /// <remarks>Single precision, in the order of ONNX Runtime: the last bit decides how ties are rounded.</remarks>
    public float[] Scales
    {
        get
        {
            var (activation, output) = (FloatsAt(operands.ActivationScale), FloatsAt(operands.OutputScale));
            var factor = activation is [var scale, ..] ? node.Float("alpha", 1) * scale : 1;
            return Array.ConvertAll(FloatsAt(operands.WeightScale), weight => output is [var divisor, ..] ? factor * weight / divisor : factor * weight);
        }
    }

    /// <summary>Null where the result is no quantized tensor.</summary>
    public int? OutputZeroPoint => IntegersAt(operands.OutputZeroPoint) is [var zeroPoint, ..] ? zeroPoint : null;

    private TensorData? At(int index) => index < 0 || node.Input(index) is not { } value ? null : value.Constant ?? known[value.Name];

    private float[] FloatsAt(int index) => At(index)?.ToFloats() ?? [];

    private int[] IntegersAt(int index) => At(index) switch
    {
        null => [],
        { Type: ElementType.Int32 } tensor => tensor.AsSpan<int>().ToArray(),
        { Type: ElementType.Int8 } tensor => Array.ConvertAll(tensor.AsSpan<sbyte>().ToArray(), value => (int)value),
        var tensor => Array.ConvertAll(tensor.AsSpan<byte>().ToArray(), value => (int)value),
    };
}
