using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Data;

/// <summary>
/// What one run of a model takes, by the names of its inputs: <see cref="Tensors"/>, and <see cref="Sequences"/> for the inputs of the few models
/// that take sequences of tensors. An optional input that is not there is in neither.
/// </summary>
public sealed class SampleInputs(ImmutableDictionary<string, TensorData> tensors)
{
    public static SampleInputs Empty { get; } = new(ImmutableDictionary<string, TensorData>.Empty);

    public ImmutableDictionary<string, TensorData> Tensors { get; } = tensors;

    public ImmutableDictionary<string, ImmutableArray<TensorData>> Sequences { get; init; } = ImmutableDictionary<string, ImmutableArray<TensorData>>.Empty;

    public TensorData this[string name] => Tensors[name];

    public static implicit operator SampleInputs(ImmutableDictionary<string, TensorData> tensors) => FromImmutableDictionary(tensors);

    public static SampleInputs FromImmutableDictionary(ImmutableDictionary<string, TensorData> tensors) => new(tensors);

    /// <summary>Goes through the tensors.</summary>
    public ImmutableDictionary<string, TensorData>.Enumerator GetEnumerator() => Tensors.GetEnumerator();
}
