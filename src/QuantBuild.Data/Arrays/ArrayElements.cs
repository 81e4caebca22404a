using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Arrays;

/// <summary>The bytes of a NumPy array on their way to a tensor: order of dimensions, order of bytes, text.</summary>
internal static class ArrayElements
{
    /// <summary>
    /// <paramref name="bytes"/> hold the elements in row-major order and may be changed. <paramref name="opaqueType"/> is what
    /// the model says that bytes without a type of NumPy's are.
    /// </summary>
    public static TensorData ToTensor(NumPyType type, ImmutableArray<long> shape, byte[] bytes, ElementType opaqueType)
    {
        if (type.IsText)
        {
            return new TensorData(shape, Texts(type, NpyHeader.CountOf(shape), bytes));
        }

        if (type.IsBigEndian)
        {
            ReverseEndianness(bytes, type.Kind == 'c' ? type.Size / 2 : type.Size);
        }

        var elementType = type.IsOpaque ? opaqueType : type.ElementType;
        return new TensorData(elementType, shape, elementType.BitsPerElement() < 8 ? Pack(bytes, elementType.BitsPerElement()) : bytes);
    }

    /// <summary>NumPy gives each element a byte, of which the lower bits count; ONNX packs them, the first into the lowest bits.</summary>
    public static byte[] Pack(ReadOnlySpan<byte> elements, int bits)
    {
        var perByte = 8 / bits;
        var packed = new byte[(elements.Length + perByte - 1) / perByte];
        for (var i = 0; i < elements.Length; i++)
        {
            packed[i / perByte] |= (byte)((elements[i] & ((1 << bits) - 1)) << (i % perByte * bits));
        }

        return packed;
    }

    /// <summary>Column-major elements in row-major order.</summary>
    public static byte[] ToRowMajor(byte[] bytes, ImmutableArray<long> shape, int size)
    {
        if (shape.Length < 2 || bytes.Length == 0)
        {
            return bytes;
        }

        var strides = new long[shape.Length];
        for (var (axis, stride) = (0, 1L); axis < shape.Length; stride *= shape[axis++])
        {
            strides[axis] = stride;
        }

        var result = new byte[bytes.Length];
        var position = new long[shape.Length];
        var source = 0L;
        for (var target = 0; target < result.Length; target += size)
        {
            bytes.AsSpan((int)(source * size), size).CopyTo(result.AsSpan(target));
            for (var axis = shape.Length - 1; axis >= 0; axis--)
            {
                source += strides[axis];
                if (++position[axis] < shape[axis])
                {
                    break;
                }

                source -= strides[axis] * shape[axis];
                position[axis] = 0;
            }
        }

        return result;
    }

    private static void ReverseEndianness(byte[] bytes, int size)
    {
        switch (size)
        {
            case 2:
                var shorts = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
                BinaryPrimitives.ReverseEndianness(shorts, shorts);
                break;
            case 4:
                var ints = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan());
                BinaryPrimitives.ReverseEndianness(ints, ints);
                break;
            case 8:
                var longs = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }

    /// <summary>NumPy pads each text with zeros to the longest.</summary>
    private static ImmutableArray<ReadOnlyMemory<byte>> Texts(NumPyType type, long count, byte[] bytes)
    {
        var encoding = new UTF32Encoding(type.IsBigEndian, byteOrderMark: false);
        var texts = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>((int)count);
        for (var i = 0; i < count; i++)
        {
            var element = bytes.AsMemory(i * type.Size, type.Size);
            texts.Add(type.Kind == 'U'
                ? Encoding.UTF8.GetBytes(encoding.GetString(element.Span).TrimEnd('\0'))
                : element.TrimEnd((byte)0));
        }

        return texts.MoveToImmutable();
    }
}
