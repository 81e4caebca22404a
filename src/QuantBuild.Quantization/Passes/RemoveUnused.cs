using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>Nodes and initializers that no output depends on are taken out.</summary>
internal sealed class RemoveUnused : GraphPass
{
    public override void Run(Model model) => Prune(model.Graph);

    /// <summary>Graphs in nodes first: what they read must be kept.</summary>
    public static void Prune(Graph graph)
    {
        foreach (var body in graph.Nodes.SelectMany(node => node.Subgraphs))
        {
            Prune(body);
        }

        foreach (var node in graph.Nodes.Reverse().ToArray())
        {
            if (node.Outputs.All(output => output is null || (output.Consumers.Count == 0 && !output.IsGraphOutput && !ReadByBody(output))))
            {
                graph.Remove(node);
            }
        }

        foreach (var value in graph.Initializers.Where(value => value.Consumers.Count == 0 && !value.IsGraphOutput && !ReadByBody(value)).ToArray())
        {
            graph.RemoveInitializer(value);
        }
    }

    /// <summary>True where a nested graph hands the value out as it is: that is no consumer of the value.</summary>
    private static bool ReadByBody(Value value) =>
        value.Graph.AllNodes.SelectMany(node => node.Subgraphs).Any(graph => graph.Outputs.Contains(value));
}
