using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// What ONNX Runtime knows of values' shapes when it loads the model, from its own shape inference. That, and not what a run shows, is what
/// its fusions go by.
/// </summary>
internal static class InferredShapes
{
    /// <summary>A null dimension is open; a value whose rank is open, or all of them where the model does not load, is left out.</summary>
    public static ImmutableDictionary<Value, ImmutableArray<long?>> Of(Model model, IEnumerable<Value> values)
    {
        var wanted = values.Distinct().ToLookup(value => value.Producer is not null);
        var made = wanted[true].ToArray();
        var shapes = wanted[false].Where(input => !input.DeclaredShape.IsDefault).ToImmutableDictionary(input => input, input => input.DeclaredShape);
        if (made.Length == 0)
        {
            return shapes;
        }

        var probe = model.Clone();
        probe.Graph.SetOutputs(made.Select(value => probe.Graph.Find(value.Name)!));
        RemoveUnused.Prune(probe.Graph);
        try
        {
            using var session = InferenceModel.Load(probe, Optimization.None);
            var known = session.Outputs.ToDictionary(output => output.Name, output => output.Dimensions);
            return shapes.AddRange(made.Where(value => known.TryGetValue(value.Name, out var shape) && !shape.IsDefaultOrEmpty)
                .Select(value => KeyValuePair.Create(value, known[value.Name])));
        }
        catch (InferenceException)
        {
            return shapes;
        }
    }
}
