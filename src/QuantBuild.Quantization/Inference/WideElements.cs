using System.Collections.Frozen;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>
/// Element types of at most 8 bits that ONNX Runtime computes with and its .NET API has no name for, and the types that hold their values without
/// loss: float for the floating-point ones, 8-bit integers for the integers.
/// </summary>
internal static class WideElements
{
    private static readonly FrozenDictionary<ElementType, float[]> Values = new Dictionary<ElementType, float[]>
    {
        [ElementType.Float8E4M3FN] = Table(256, code => (code & 0x7F) == 0x7F ? float.NaN : Float(code, 4, 3, 7)),
        [ElementType.Float8E4M3FNUZ] = Table(256, code => code == 0x80 ? float.NaN : Float(code, 4, 3, 8)),
        [ElementType.Float8E5M2] = Table(256, code => (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8))),
        [ElementType.Float8E5M2FNUZ] = Table(256, code => code == 0x80 ? float.NaN : Float(code, 5, 2, 16)),
        [ElementType.Float8E8M0] = Table(256, code => code == 0xFF ? float.NaN : (float)Math.ScaleB(1, code - 127)),
        [ElementType.Float4E2M1] = Table(16, code => (code & 8) == 0 ? Float(code, 2, 1, 1) : -Float(code & 7, 2, 1, 1)),
        [ElementType.UInt4] = Table(16, code => code),
        [ElementType.Int4] = Table(16, code => code < 8 ? code : code - 16),
        [ElementType.UInt2] = Table(4, code => code),
        [ElementType.Int2] = Table(4, code => code < 2 ? code : code - 4),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<ElementType, FrozenDictionary<int, int>> Codes = Values.ToFrozenDictionary(
        entry => entry.Key, entry => entry.Value.Index().DistinctBy(value => Key(value.Item)).ToFrozenDictionary(value => Key(value.Item), value => value.Index));

    /// <summary>Null for a type that the .NET API knows.</summary>
    public static ElementType? TypeFor(ElementType narrow) => narrow switch
    {
        ElementType.Int4 or ElementType.Int2 => ElementType.Int8,
        ElementType.UInt4 or ElementType.UInt2 => ElementType.UInt8,
        _ => Values.ContainsKey(narrow) ? ElementType.Float : null,
    };

    public static TensorData Widen(TensorData tensor)
    {
        var (values, bits) = (Values[tensor.Type], tensor.Type.BitsPerElement());
        var bytes = tensor.Bytes.Span;
        var wide = new float[tensor.ElementCount];
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] = values[(bytes[i * bits / 8] >> (i * bits % 8)) & ((1 << bits) - 1)];
        }

        return TypeFor(tensor.Type) == ElementType.Float
            ? TensorData.Create<float>(tensor.Dimensions, wide)
            : new TensorData(TypeFor(tensor.Type)!.Value, tensor.Dimensions, Array.ConvertAll(wide, value => (byte)(int)value));
    }

    /// <summary>The elements in their own type; each is one of its values.</summary>
    public static byte[] Narrow(ReadOnlySpan<byte> wide, ElementType type)
    {
        var (codes, bits) = (Codes[type], type.BitsPerElement());
        var isFloat = TypeFor(type) == ElementType.Float;
        var isSigned = TypeFor(type) == ElementType.Int8;
        var count = isFloat ? wide.Length / sizeof(float) : wide.Length;
        var narrow = new byte[((count * bits) + 7) / 8];
        for (var i = 0; i < count; i++)
        {
            var value = isFloat ? MemoryMarshal.Cast<byte, float>(wide)[i] : isSigned ? (float)(sbyte)wide[i] : wide[i];
            narrow[i * bits / 8] |= (byte)(codes[Key(value)] << (i * bits % 8));
        }

        return narrow;
    }

    /// <summary>Tells −0 from 0, and no NaN from another.</summary>
    private static int Key(float value) => float.IsNaN(value) ? int.MaxValue : BitConverter.SingleToInt32Bits(value);

    private static float[] Table(int count, Func<int, float> value) => [.. Enumerable.Range(0, count).Select(value)];

    /// <summary>Sign, exponent and mantissa of an 8-bit float as in IEEE 754, without its infinities and NaNs.</summary>
    private static float Float(int code, int exponentBits, int mantissaBits, int bias)
    {
        var exponent = (code >> mantissaBits) & ((1 << exponentBits) - 1);
        var mantissa = code & ((1 << mantissaBits) - 1);
        var magnitude = exponent == 0
            ? Math.ScaleB(mantissa, 1 - bias - mantissaBits)
            : Math.ScaleB(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits);
        return (float)((code & 0x80) == 0 ? magnitude : -magnitude);
    }
}
