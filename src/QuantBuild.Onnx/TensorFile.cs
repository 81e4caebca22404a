using System.Collections.Immutable;
using Google.Protobuf;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>A value that a file of data holds: the name that it was written with, or "", and its tensors, one unless it is a sequence.</summary>
public sealed record StoredValue(string Name, ImmutableArray<TensorData> Tensors)
{
    /// <summary>True for an optional value that is not there.</summary>
    public bool IsAbsent { get; init; }
}

/// <summary>
/// The files that ONNX's own tests keep their data in: a TensorProto, SequenceProto or OptionalProto each. Nothing in a file says which of them
/// it is; the model's input does.
/// </summary>
public static class TensorFile
{
    /// <exception cref="FormatException">The bytes hold no tensor, or one whose elements lie in another file.</exception>
    public static StoredValue ReadTensor(ReadOnlySpan<byte> bytes)
    {
        var proto = Parse(TensorProto.Parser, bytes);
        return new(proto.Name, [Decode(proto)]);
    }

    /// <exception cref="FormatException">The bytes hold no sequence of tensors.</exception>
    public static StoredValue ReadSequence(ReadOnlySpan<byte> bytes)
    {
        var proto = Parse(SequenceProto.Parser, bytes);
        return new(proto.Name, Decode(proto));
    }

    /// <exception cref="FormatException">The bytes hold neither an optional tensor nor an optional sequence of tensors.</exception>
    public static StoredValue ReadOptional(ReadOnlySpan<byte> bytes)
    {
        var proto = Parse(OptionalProto.Parser, bytes);
        return proto switch
        {
            { TensorValue: { } tensor } => new(proto.Name, [Decode(tensor)]),
            { SequenceValue: { } sequence } => new(proto.Name, Decode(sequence)),
            { SparseTensorValue: null, OptionalValue: null } => new(proto.Name, []) { IsAbsent = true },
            _ => throw new FormatException("the optional value is no tensor and no sequence of tensors"),
        };
    }

    private static ImmutableArray<TensorData> Decode(SequenceProto proto) =>
        proto.SparseTensorValues.Count + proto.SequenceValues.Count + proto.OptionalValues.Count == 0
            ? [.. proto.TensorValues.Select(Decode)]
            : throw new FormatException("the sequence holds other values than tensors");

    private static TensorData Decode(TensorProto proto)
    {
        if (proto.DataType == 0 || proto.DataLocation == TensorProto.Types.DataLocation.External)
        {
            throw new FormatException(proto.DataType == 0 ? "the file holds no tensor" : "the elements of the tensor lie in another file");
        }

        try
        {
            return TensorCodec.Decode(proto);
        }
        catch (Diagnostics.QuantBuildException exception)
        {
            throw new FormatException(exception.InnerException?.Message ?? exception.Message, exception);
        }
    }

    private static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new FormatException("the file is no protocol buffer, or is cut short", exception);
        }
    }
}
