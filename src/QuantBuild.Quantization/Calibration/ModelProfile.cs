using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The element type and the dimensions that a value had in a real run.</summary>
internal sealed record ValueProfile(ElementType Type, ImmutableArray<long> Shape);

/// <summary>
/// Types and shapes of the main graph's values, from a run of one sample: what is inferred symbolically is often incomplete.
/// </summary>
internal sealed record ModelProfile(ImmutableDictionary<string, ValueProfile> Values)
{
    /// <exception cref="InferenceException">ONNX Runtime cannot run the model on the sample.</exception>
    public static ModelProfile Of(Model model, Sample sample)
    {
        var probe = model.Clone();
        var values = probe.Graph.Nodes.SelectMany(node => node.Outputs.OfType<Value>()).ToArray();
        probe.Graph.SetOutputs(values);
        using var session = InferenceModel.Load(probe, Optimization.None);
        var profile = ImmutableDictionary.CreateBuilder<string, ValueProfile>();
        session.Run(sample.Inputs, [.. values.Select(value => value.Name)], (index, type, shape, _) =>
            profile[values[index].Name] = new(type, [.. shape]));
        foreach (var (name, tensor) in sample.Inputs)
        {
            profile[name] = new(tensor.Type, tensor.Dimensions);
        }

        return new(profile.ToImmutable());
    }

    public bool IsFloat(Value value) =>
        value.Constant is { } constant ? constant.Type == ElementType.Float : Values.TryGetValue(value.Name, out var profile) && profile.Type == ElementType.Float;

    public int? RankOf(Value value) =>
        value.Constant?.Rank ?? (Values.TryGetValue(value.Name, out var profile) ? profile.Shape.Length : null);
}
