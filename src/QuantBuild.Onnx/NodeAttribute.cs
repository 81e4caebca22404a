using System.Collections.Immutable;
using Google.Protobuf;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>A named attribute of a node. Reading it as another type than its own gives that type's zero or an empty list.</summary>
public sealed class NodeAttribute
{
    internal NodeAttribute(AttributeProto proto, ImmutableArray<Graph> graphs)
    {
        Proto = proto;
        Graphs = graphs;
    }

    public string Name => Proto.Name;

    public long Int => Proto.I;

    public float Float => Proto.F;

    public string Text => Proto.S.ToStringUtf8();

    public ImmutableArray<long> Ints => [.. Proto.Ints];

    public ImmutableArray<float> Floats => [.. Proto.Floats];

    /// <summary>The tensor of a tensor attribute, or null.</summary>
    public TensorData? Tensor => Proto.T is { } tensor ? TensorCodec.Decode(tensor) : null;

    public ImmutableArray<string> Texts => [.. Proto.Strings.Select(text => text.ToStringUtf8())];

    public ImmutableArray<Graph> Graphs { get; }

    internal AttributeProto Proto { get; }

    public static NodeAttribute Of(string name, long value) =>
        new(new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int }, []);

    public static NodeAttribute Of(string name, float value) =>
        new(new() { Name = name, F = value, Type = AttributeProto.Types.AttributeType.Float }, []);

    public static NodeAttribute Of(string name, string value) =>
        new(new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String }, []);

    public static NodeAttribute Of(string name, ImmutableArray<long> values) =>
        new(new() { Name = name, Ints = { values }, Type = AttributeProto.Types.AttributeType.Ints }, []);

    public static NodeAttribute Of(string name, ImmutableArray<float> values) =>
        new(new() { Name = name, Floats = { values }, Type = AttributeProto.Types.AttributeType.Floats }, []);

    public static NodeAttribute Of(string name, TensorData value) =>
        new(new() { Name = name, T = TensorCodec.Encode(value), Type = AttributeProto.Types.AttributeType.Tensor }, []);
}
