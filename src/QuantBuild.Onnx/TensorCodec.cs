using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>Between TensorProto, which has a field for every kind of element, and <see cref="TensorData"/>.</summary>
internal static class TensorCodec
{
    /// <exception cref="QuantBuildException">The elements do not fill the dimensions.</exception>
    public static TensorData Decode(TensorProto proto)
    {
        var type = (ElementType)proto.DataType;
        ImmutableArray<long> dimensions = [.. proto.Dims];
        try
        {
            return type == ElementType.String
                ? new TensorData(dimensions, [.. proto.StringData.Select(text => text.Memory)])
                : new TensorData(type, dimensions, proto.HasRawData ? proto.RawData.Memory : TypedBytes(proto, type));
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException)
        {
            throw new QuantBuildException(DiagnosticCodes.InvalidGraph, $"Tensor '{proto.Name}' is not valid: {exception.Message} Export the model again.", exception);
        }
    }

    public static TensorProto Encode(TensorData tensor)
    {
        var proto = new TensorProto { DataType = (int)tensor.Type, Dims = { tensor.Dimensions } };
        if (tensor.Type == ElementType.String)
        {
            proto.StringData.AddRange(tensor.Strings.Select(text => UnsafeByteOperations.UnsafeWrap(text)));
        }
        else
        {
            // The memory of a TensorData never changes, so that it can be shared.
            proto.RawData = UnsafeByteOperations.UnsafeWrap(tensor.Bytes);
        }

        return proto;
    }

    /// <summary>The bytes that the elements take, by type and dimensions; 0 for strings.</summary>
    public static long LengthOf(TensorProto proto) =>
        ((proto.Dims.Aggregate(1L, (count, length) => count * length) * ((ElementType)proto.DataType).BitsPerElement()) + 7) / 8;

    /// <summary>Brings elements that were written one by one into one field.</summary>
    public static void MakeRaw(TensorProto proto)
    {
        if (!proto.HasRawData)
        {
            proto.RawData = UnsafeByteOperations.UnsafeWrap(Decode(proto).Bytes);
            proto.FloatData.Clear();
            proto.DoubleData.Clear();
            proto.Int32Data.Clear();
            proto.Int64Data.Clear();
            proto.Uint64Data.Clear();
        }
    }

    /// <summary>The bytes of elements that were written one by one; types of up to 16 bits travel as int32.</summary>
    private static byte[] TypedBytes(TensorProto proto, ElementType type) => type switch
    {
        ElementType.Float or ElementType.Complex64 => MemoryMarshal.AsBytes<float>(proto.FloatData.ToArray()).ToArray(),
        ElementType.Double or ElementType.Complex128 => MemoryMarshal.AsBytes<double>(proto.DoubleData.ToArray()).ToArray(),
        ElementType.Int64 => MemoryMarshal.AsBytes<long>(proto.Int64Data.ToArray()).ToArray(),
        ElementType.UInt64 => MemoryMarshal.AsBytes<ulong>(proto.Uint64Data.ToArray()).ToArray(),
        ElementType.UInt32 => MemoryMarshal.AsBytes<uint>(proto.Uint64Data.Select(element => (uint)element).ToArray()).ToArray(),
        ElementType.Int32 => MemoryMarshal.AsBytes<int>(proto.Int32Data.ToArray()).ToArray(),
        _ when type.BitsPerElement() == 16 => MemoryMarshal.AsBytes<ushort>(proto.Int32Data.Select(element => (ushort)element).ToArray()).ToArray(),
        _ => [.. proto.Int32Data.Select(element => (byte)element)],
    };
}
