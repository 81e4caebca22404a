using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// Operators whose inputs are integers: each is its float operator on the numbers that these stand for, and where its output is integers, too, those nearest
/// to what comes out. Inputs are in the order of the operators' definitions: a tensor, its scale, its zero point.
/// </summary>
internal sealed class ReferenceIntegers
{
    private readonly Node _node;
    private readonly Numbers?[] _inputs;

    private ReferenceIntegers(Node node, Numbers?[] inputs) => (_node, _inputs) = (node, inputs);

    /// <summary>Null for another operator.</summary>
    public static Numbers? Of(Node node, Numbers?[] inputs)
    {
        var integers = new ReferenceIntegers(node, inputs);
        return node.OpType switch
        {
            "QLinearConv" => integers.Round(6, integers.Convolution()),
            "QLinearMatMul" => integers.Round(6, ReferenceKernels.MatMul(integers.Real(0), integers.Real(3, -1))),
            "MatMulIntegerToFloat" => ReferenceKernels.MatMul(integers.Real(0, 2, 4), integers.Real(1, 3, 5)),
            "QGemm" => integers.Gemm(),
            "QLinearConcat" => integers.Round(0, integers.Concat()),
            "QLinearWhere" => integers.Round(7, ReferenceElements.Where(inputs[0]!, integers.Real(1), integers.Real(4))),
            "QLinearAdd" or "QLinearMul" => integers.Round(6, integers.Float(integers.Real(0), integers.Real(3))),
            "MatMulInteger" => ReferenceKernels.MatMul(integers.Shifted(0), integers.Shifted(1)),
            "ConvInteger" => ReferenceKernels.Conv(node, integers.Shifted(0), integers.Shifted(1), null),
            _ when node.OpType.StartsWith("QLinear", StringComparison.Ordinal) => integers.Round(3, integers.Float(integers.Real(0))),
            _ => null,
        };
    }

    private Numbers Float(params Numbers?[] inputs) => ReferenceGraph.RunFloat(_node.OpType["QLinear".Length..], _node, inputs);

    private Numbers Real(int at, int channelAxis = 0) => Real(at, at + 1, at + 2, channelAxis);

    private Numbers Real(int at, int scale, int zeroPoint) => Real(at, scale, zeroPoint, -1);

    private Numbers Real(int at, int scale, int zeroPoint, int channelAxis)
    {
        var x = _inputs[at]!;
        return Affine.Dequantize(x, _inputs[scale]!, _inputs[zeroPoint]!, new((channelAxis + x.Rank) % Math.Max(x.Rank, 1), 0));
    }

    /// <summary>Less its zero point, two inputs behind it: one for all, or one for each column.</summary>
    private Numbers Shifted(int at) => Affine.Dequantize(_inputs[at]!, new([1], []), _inputs[at + 2]!, new(_inputs[at]!.Rank - 1, 0));

    private Numbers Round(int scale, Numbers real) =>
        Affine.Quantize(real, new(_inputs[scale]!, _inputs[scale + 1]!, _node.Input(scale + 1)!.Constant!.Type), new(0, 0));

    private Numbers Convolution() => ReferenceKernels.Conv(_node, Real(0), Real(3), Bias(8, _inputs[4]!));

    /// <summary>Without an output's scale it makes floats.</summary>
    private Numbers Gemm()
    {
        var product = ReferenceKernels.Gemm(_node, Real(0), Real(3, _node.Int("transB", 0) == 1 ? 0 : 1), Bias(6, _inputs[4]!));
        return _inputs.Length > 7 ? Round(7, product) : product;
    }

    /// <summary>At the product of the scales of the input and of the weights.</summary>
    private Numbers? Bias(int at, Numbers weightScale) => _inputs.ElementAtOrDefault(at) is not { } bias ? null
        : Affine.Dequantize(bias, weightScale.Map(scale => scale * _inputs[1]!.Elements[0]), new([0], []), new(0, 0));

    private Numbers Concat()
    {
        Numbers[] parts = [.. Enumerable.Range(0, (_inputs.Length - 2) / 3).Select(part => Real(2 + (3 * part)))];
        return Float(parts);
    }
}
