using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Arrays;

/// <summary>
/// The conversions that arrays get without being asked: wider integers, which keep every value, and from one of float16, float32 and float64 to another: NumPy
/// computes in float64 unless told otherwise, pipelines in float32, and a model's input has the precision that the model can use.
/// </summary>
internal static class ElementConversion
{
    private static readonly ImmutableArray<ElementType> Floats = [ElementType.Float16, ElementType.Float, ElementType.Double];

    public static bool IsAllowed(ElementType from, ElementType to) =>
        from == to || (Floats.Contains(from) && Floats.Contains(to))
        || IsWiderInteger(from, to)
        || (from, to) is (ElementType.Int8, ElementType.Int4 or ElementType.Int2) or (ElementType.UInt8, ElementType.UInt4 or ElementType.UInt2);

    /// <summary>Null where a finite number would become infinite, or an integer does not fit.</summary>
    public static TensorData? Convert(TensorData tensor, ElementType to)
    {
        if (tensor.Type == to)
        {
            return tensor;
        }

        if (to.BitsPerElement() < 8)
        {
            return FitsInto(tensor, to.BitsPerElement()) ? new TensorData(to, tensor.Dimensions, ArrayElements.Pack(tensor.Bytes.Span, to.BitsPerElement())) : null;
        }

        var bytes = new byte[tensor.ElementCount * to.BitsPerElement() / 8];
        if (Floats.Contains(to))
        {
            var numbers = ToDoubles(tensor);
            return WriteFloats(numbers, to, bytes) ? new TensorData(to, tensor.Dimensions, bytes) : null;
        }

        WriteIntegers(tensor, to.BitsPerElement() / 8, bytes);
        return new TensorData(to, tensor.Dimensions, bytes);
    }

    public static bool IsInteger(ElementType type) => type is ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64 || IsSigned(type);

    private static bool IsSigned(ElementType type) => type is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64;

    private static bool IsWiderInteger(ElementType from, ElementType to) =>
        IsInteger(from) && IsInteger(to) && from.BitsPerElement() < to.BitsPerElement() && (IsSigned(to) || !IsSigned(from));

    private static bool FitsInto(TensorData tensor, int bits)
    {
        var isSigned = IsSigned(tensor.Type);
        var (least, greatest) = isSigned ? (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) : (0, (1 << bits) - 1);
        foreach (var element in tensor.Bytes.Span)
        {
            int number = isSigned ? (sbyte)element : element;
            if (number < least || number > greatest)
            {
                return false;
            }
        }

        return true;
    }

    private static double[] ToDoubles(TensorData tensor) => tensor.Type switch
    {
        ElementType.Double => tensor.AsSpan<double>().ToArray(),
        ElementType.Float => Array.ConvertAll(tensor.AsSpan<float>().ToArray(), number => (double)number),
        _ => Array.ConvertAll(tensor.AsSpan<Half>().ToArray(), number => (double)number),
    };

    private static bool WriteFloats(double[] numbers, ElementType to, byte[] bytes) => to switch
    {
        ElementType.Double => WriteFloats<double>(numbers, bytes),
        ElementType.Float => WriteFloats<float>(numbers, bytes),
        _ => WriteFloats<Half>(numbers, bytes),
    };

    private static bool WriteFloats<T>(double[] numbers, byte[] bytes)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var floats = MemoryMarshal.Cast<byte, T>(bytes.AsSpan());
        for (var i = 0; i < numbers.Length; i++)
        {
            floats[i] = T.CreateTruncating(numbers[i]);
            if (T.IsInfinity(floats[i]) && double.IsFinite(numbers[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Little-endian integers grow by repeating their sign.</summary>
    private static void WriteIntegers(TensorData tensor, int toSize, byte[] bytes)
    {
        var fromSize = tensor.Type.BitsPerElement() / 8;
        var source = tensor.Bytes.Span;
        for (var i = 0; i < tensor.ElementCount; i++)
        {
            var element = source.Slice(i * fromSize, fromSize);
            var target = bytes.AsSpan(i * toSize, toSize);
            target.Fill(IsSigned(tensor.Type) && element[^1] >= 0x80 ? (byte)0xFF : (byte)0);
            element.CopyTo(target);
        }
    }
}
