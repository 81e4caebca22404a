using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>The integer types that tensors are quantized to, and tensors of them: two elements share a byte where they have 4 bits, the first in its low half.</summary>
internal static class IntegerTypes
{
    public static int MinOf(ElementType type) => type switch
    {
        ElementType.UInt4 or ElementType.UInt8 or ElementType.UInt16 => 0,
        ElementType.Int4 => -8,
        ElementType.Int8 => sbyte.MinValue,
        ElementType.Int16 => short.MinValue,
        ElementType.Int32 => int.MinValue,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static int MaxOf(ElementType type) => type switch
    {
        ElementType.UInt4 => 15,
        ElementType.UInt8 => byte.MaxValue,
        ElementType.UInt16 => ushort.MaxValue,
        ElementType.Int4 => 7,
        ElementType.Int8 => sbyte.MaxValue,
        ElementType.Int16 => short.MaxValue,
        ElementType.Int32 => int.MaxValue,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static bool IsSigned(ElementType type) => MinOf(type) < 0;

    /// <summary>The zero point of a symmetric scheme: 0, or the middle of an unsigned type.</summary>
    public static int MiddleOf(ElementType type) => IsSigned(type) ? 0 : (MaxOf(type) + 1) / 2;

    public static TensorData ToTensor(ElementType type, ImmutableArray<long> dimensions, ReadOnlySpan<int> elements)
    {
        var bytes = new byte[((elements.Length * type.BitsPerElement()) + 7) / 8];
        for (var i = 0; i < elements.Length; i++)
        {
            Set(bytes, type, i, elements[i]);
        }

        return new(type, dimensions, bytes);
    }

    /// <summary>Writes one element; those of 4 bits into bytes that are 0.</summary>
    public static void Set(Span<byte> bytes, ElementType type, int index, int value)
    {
        switch (type.BitsPerElement())
        {
            case 8:
                bytes[index] = (byte)value;
                break;
            case 4:
                bytes[index / 2] |= (byte)((value & 0xF) << (index % 2 * 4));
                break;
            case 16:
                MemoryMarshal.Cast<byte, short>(bytes)[index] = (short)value;
                break;
            default:
                MemoryMarshal.Cast<byte, int>(bytes)[index] = value;
                break;
        }
    }

    /// <summary>The element at a row-major index.</summary>
    public static int At(TensorData tensor, int index) => tensor.Type switch
    {
        ElementType.UInt8 => tensor.Bytes.Span[index],
        ElementType.Int8 => (sbyte)tensor.Bytes.Span[index],
        ElementType.UInt16 => tensor.AsSpan<ushort>()[index],
        ElementType.Int16 => tensor.AsSpan<short>()[index],
        ElementType.Int32 => tensor.AsSpan<int>()[index],
        ElementType.UInt4 => (tensor.Bytes.Span[index / 2] >> (index % 2 * 4)) & 0xF,
        ElementType.Int4 => (((tensor.Bytes.Span[index / 2] >> (index % 2 * 4)) & 0xF) ^ 8) - 8,
        _ => throw new ArgumentOutOfRangeException(nameof(tensor)),
    };
}
