using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Passes;

/// <summary>What depends on constants alone is computed once, by ONNX Runtime.</summary>
internal sealed class FoldConstants : GraphPass
{
    /// <summary>A result may not make the file larger than this many bytes beyond what went in.</summary>
    private const long LargestGrowth = 1 << 20;

    private static readonly ImmutableHashSet<string> NotRepeatable =
        ["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "QuantizeLinear", "DequantizeLinear"];

    /// <summary>Outer scopes first: what becomes a constant there is one in the bodies too.</summary>
    public override void Run(Model model)
    {
        foreach (var graph in Bodies.Scopes(model.Graph).ToArray())
        {
            Fold(model, graph);
        }

        RemoveUnused.Prune(model.Graph);
    }

    private static void Fold(Model model, Graph graph)
    {
        var folded = new HashSet<Node>();
        foreach (var node in graph.Nodes.Where(node => IsFoldable(node, folded)))
        {
            folded.Add(node);
        }

        var frontier = folded.SelectMany(node => node.Outputs.OfType<Value>())
            .Where(value => value.IsGraphOutput || value.Consumers.Any(use => !folded.Contains(use.Node))).ToArray();
        if (frontier.Length > 0)
        {
            Replace(model, graph, frontier);
        }
    }

    private static bool IsFoldable(Node node, HashSet<Node> folded) =>
        (node.Domain.Length == 0 || RecognizeActivations.IsFastGelu(node))
        && !NotRepeatable.Contains(node.OpType)
        && !node.Subgraphs.Any()
        && node.Inputs.OfType<Value>().All(input => input.IsConstant || (input.Producer is { } producer && folded.Contains(producer)));

    private static void Replace(Model model, Graph graph, Value[] frontier)
    {
        var probe = BodyModel.Extract(model, graph);
        probe.Graph.SetOutputs(frontier.Select(value => probe.Graph.Find(value.Name)!));
        foreach (var input in probe.Graph.Inputs.ToArray())
        {
            probe.Graph.RemoveInput(input);
        }

        RemoveUnused.Prune(probe.Graph);
        var largest = probe.Graph.Initializers.Sum(value => (long)value.Constant!.Bytes.Length) + LargestGrowth;
        TensorData?[] results;
        try
        {
            results = Compute(probe, [.. frontier.Select(value => value.Name)], largest);
        }
        catch (InferenceException)
        {
            // Then nothing is folded; whether the model runs at all is found out with a sample.
            return;
        }

        foreach (var (value, result) in frontier.Zip(results))
        {
            if (result is not null)
            {
                value.ReplaceAllUsesWith(graph.AddInitializer(value.Name + "_folded", result));
            }
        }
    }

    /// <summary>Null for what would be larger than <paramref name="largest"/>, and for strings.</summary>
    private static TensorData?[] Compute(Model probe, string[] names, long largest)
    {
        var origin = probe.Graph.Initializers.Select(value => value.Constant!).FirstOrDefault(tensor => tensor.Region is not null);
        var results = new TensorData?[names.Length];
        using var session = InferenceModel.Load(probe, Optimization.None);
        // The results of one run are in memory together: those that are made of mapped weights had better not be.
        foreach (var (start, group) in names.Chunk(origin is null ? names.Length : 1).Index())
        {
            session.Run(ImmutableDictionary<string, TensorData>.Empty, group, (index, type, shape, bytes) =>
            {
                if (bytes.Length <= largest)
                {
                    var result = (origin ?? TensorData.Scalar(0f)).Derive(type, [.. shape], out var target);
                    bytes.CopyTo(target);
                    results[start + index] = result;
                }
            });
        }

        return results;
    }
}
