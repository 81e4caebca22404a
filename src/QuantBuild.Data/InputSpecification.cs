using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Data;

/// <summary>
/// What a sample must bring for one input of a model. A dimension is null where the model leaves it open; the dimensions as a
/// whole are default (<see cref="ImmutableArray{T}.IsDefault"/>) where the model does not even state the rank.
/// </summary>
public sealed record InputSpecification(string Name, ElementType Type, ImmutableArray<long?> Dimensions)
{
    /// <summary>What the input takes; of a sequence, <see cref="Type"/> is that of its tensors, and they are of any shape.</summary>
    public InputKind Kind { get; init; }

    /// <summary>The shape as messages show it: <c>[?,3,224,224]</c>, or <c>of any shape</c>.</summary>
    public string Shape => Dimensions.IsDefault
        ? "of any shape"
        : $"[{string.Join(',', Dimensions.Select(dimension => dimension?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"))}]";
}

public enum InputKind
{
    Tensor,
    Sequence,

    /// <summary>A tensor that may be absent.</summary>
    OptionalTensor,

    /// <summary>A sequence that may be absent.</summary>
    OptionalSequence,

    /// <summary>Maps and the like, which no format of data holds.</summary>
    Other,
}
