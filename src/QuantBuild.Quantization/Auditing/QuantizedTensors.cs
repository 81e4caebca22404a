using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Auditing;

/// <summary>Tells which values of an optimized graph hold quantized integers. The graph itself has no types.</summary>
internal sealed class QuantizedTensors
{
    private readonly Dictionary<Value, bool> _known = [];

    public static bool IsQuantize(Node node) => node.OpType == "QuantizeLinear";

    public static bool IsDequantize(Node node) => node.OpType == "DequantizeLinear";

    /// <summary>True for what turns floats into integers or back, and computes nothing else.</summary>
    public static bool IsConversion(Node node) => IsQuantize(node) || IsDequantize(node) || node.OpType is "DynamicQuantizeLinear" or "Cast" or "CastLike";

    /// <summary>True where a kernel works on integers themselves, be they activations or weights.</summary>
    public bool IsReadBy(Node node) => !IsConversion(node) && node.Inputs.OfType<Value>().Any(Contains);

    /// <summary>True where a quantized tensor comes out as it went in, in other places.</summary>
    public bool IsMovedBy(Node node) => IsMoving(node) && node.Input(0) is { } input && Contains(input);

    public bool Contains(Value value)
    {
        if (!_known.TryGetValue(value, out var isQuantized))
        {
            isQuantized = value.HasConstant ? IsInteger(value.Constant!.Type) : value.Producer is { } producer && IsMade(producer, value);
            _known[value] = isQuantized;
        }

        return isQuantized;
    }

    private static bool IsInteger(ElementType type) =>
        type is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.UInt4 or ElementType.Int4 or ElementType.UInt2 or ElementType.Int2;

    private static bool IsMoving(Node node) =>
        node.OpType is "NhwcMaxPool" or "ReduceMax" or "ReduceMin" || OperatorRules.Of(node)?.Role is OperatorRole.Moving or OperatorRole.MovingQuantized or OperatorRole.Embedding or OperatorRole.Joining;

    private bool IsMade(Node producer, Value value) => producer.OpType switch
    {
        "QuantizeLinear" => true,
        "DynamicQuantizeLinear" => value == producer.Output,
        // Only with the scale of its output does it make integers.
        "QGemm" => producer.Input(7) is not null,
        var type when type.StartsWith("QLinear", StringComparison.Ordinal) => true,
        _ => IsMovedBy(producer),
    };
}
