using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Calibration;

/// <summary>The element type and the dimensions that a value had in a real run.</summary>
internal sealed record ValueProfile(ElementType Type, ImmutableArray<long> Shape);

/// <summary>
/// Types and shapes of the values of every scope, from real runs: what is inferred symbolically is often incomplete. Where a value has several shapes, in
/// the iterations of a loop, the first counts.
/// </summary>
internal sealed record ModelProfile(ImmutableDictionary<string, ValueProfile> Values)
{
    /// <summary>A body that none of so many samples comes to is not looked for any further.</summary>
    public const int MostSamples = 32;

    /// <exception cref="QuantBuildException">ONNX Runtime cannot run the model on the sample.</exception>
    public static ModelProfile Of(Model model, Sample sample) => Of(model, [sample]);

    /// <summary>What ONNX Runtime infers without a sample: an open dimension is −1, and a value of open rank is left out. Nothing is known of bodies.</summary>
    public static ModelProfile Inferred(Model model)
    {
        var probe = model.Clone();
        probe.Graph.SetOutputs(probe.Graph.Nodes.SelectMany(node => node.Outputs.OfType<Value>()));
        using var session = InferenceModel.Load(probe, Optimization.None);
        return new(session.Outputs.Concat(session.Inputs).Where(value => !value.Dimensions.IsDefault).ToImmutableDictionary(
            value => value.Name, value => new ValueProfile(value.Type, [.. value.Dimensions.Select(length => length ?? -1)])));
    }

    /// <summary>The first sample shows the main graph; the others are run as long as there is a body that none before them came to.</summary>
    /// <exception cref="QuantBuildException">ONNX Runtime cannot run the model on a sample.</exception>
    public static ModelProfile Of(Model model, IEnumerable<Sample> samples)
    {
        var profile = ImmutableDictionary.CreateBuilder<string, ValueProfile>();
        using var enumerator = samples.GetEnumerator();
        Look(model, enumerator, profile);
        return new(profile.ToImmutable());
    }

    /// <summary>True where a run came to the graph.</summary>
    public bool IsSeen(Graph graph) => IsSeen(graph, Values);

    public bool IsFloat(Value value) =>
        value.Constant is { } constant ? constant.Type == ElementType.Float : Values.TryGetValue(value.Name, out var profile) && profile.Type == ElementType.Float;

    public int? RankOf(Value value) =>
        value.Constant?.Rank ?? (Values.TryGetValue(value.Name, out var profile) ? profile.Shape.Length : null);

    /// <summary>Runs samples until one comes to a scope that is not seen yet; from there on the scopes that then are left are looked for.</summary>
    private static void Look(Model model, IEnumerator<Sample> samples, ImmutableDictionary<string, ValueProfile>.Builder profile)
    {
        Graph[] open = [.. Bodies.Scopes(model.Graph).Where(graph => !IsSeen(graph, profile))];
        if (open.Length == 0)
        {
            return;
        }

        Value[] values = [.. open.SelectMany(graph => graph.Values.Where(value => !value.IsConstant))];
        using var session = new ScopedModel(model, values);
        while (samples.MoveNext())
        {
            Run(session, samples.Current, (index, type, shape, _) => profile.TryAdd(values[index].Name, new(type, [.. shape])));
            if (open.Any(graph => IsSeen(graph, profile)))
            {
                Look(model, samples, profile);
                return;
            }
        }
    }

    private static void Run(ScopedModel session, Sample sample, OutputReader read)
    {
        try
        {
            session.Run(sample.Inputs, read);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(
                DiagnosticCodes.ModelNotLoadable, $"{sample.Id}: ONNX Runtime cannot run the model on this sample: {exception.Message}", exception);
        }
    }

    private static bool IsSeen(Graph graph, IReadOnlyDictionary<string, ValueProfile> values) =>
        graph.Values.All(value => value.IsConstant) || graph.Values.Any(value => values.ContainsKey(value.Name));
}
