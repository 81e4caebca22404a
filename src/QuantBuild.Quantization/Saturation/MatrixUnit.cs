using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Saturation;

/// <summary>QLinearMatMul, QGemm, MatMulIntegerToFloat, MatMulInteger: rows of activations times a matrix of weights.</summary>
internal sealed class MatrixUnit : IntegerUnit
{
    private readonly bool _isTransposed;

    private MatrixUnit(Node node, KernelOperands operands, PairedWeights? constant)
        : base(node, operands, constant)
    {
        _isTransposed = IsTransposed(node);
        IsKnown = node.Int("transA", 0) == 0 && constant is not null
            && (operands.Bias < 0 || node.Input(operands.Bias) is not { } bias || bias.Constant?.ElementCount is { } count && (count == 1 || count == constant.Channels));
    }

    public override bool IsKnown { get; }

    public static MatrixUnit Create(Node node, KernelOperands operands) => new(
        node, operands, node.Input(operands.Weights)?.Constant is { Rank: 2 } weights ? PairedWeights.OfMatrix(weights, IsTransposed(node)) : null);

    protected override TensorData Run(OperandValues values, bool saturates)
    {
        var weights = Constant ?? PairedWeights.OfMatrix(values.Weights, _isTransposed);
        var (activation, scaling, product) = (values.Activation, new ProductScaling(values), new PairedProduct(weights, values, saturates));
        var elements = activation.Bytes.Span;
        var rows = (int)activation.ElementCount / Math.Max(weights.Depth, 1);
        var size = scaling.Type.BitsPerElement() / 8 * weights.Channels;
        var result = new byte[rows * size];
        var row = new byte[weights.Stride];
        var sums = new int[weights.Channels];
        for (var i = 0; i < rows; i++)
        {
            elements.Slice(i * weights.Depth, weights.Depth).CopyTo(row);
            product.Multiply(row, 0, sums);
            scaling.Scale(sums, 0, result.AsSpan(i * size, size));
        }

        Tally.Add(rows * weights.Channels, product.Changed, elements);
        return new(scaling.Type, activation.Dimensions.SetItem(activation.Rank - 1, weights.Channels), result);
    }

    private static bool IsTransposed(Node node) => node.Int("transB", 0) == 1;
}
