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

        var handedOut = HandedOut(graph);
        foreach (var node in graph.Nodes.Reverse().ToArray())
        {
            if (node.Outputs.All(output => output is null || IsUnused(output)))
            {
                graph.Remove(node);
                if (node.Subgraphs.Any())
                {
                    handedOut = HandedOut(graph);
                }
            }
        }

        foreach (var value in graph.Initializers.Where(IsUnused).ToArray())
        {
            graph.RemoveInitializer(value);
        }

        bool IsUnused(Value value) => value.Consumers.Count == 0 && !value.IsGraphOutput && !handedOut.Contains(value);
    }

    /// <summary>What nested graphs hand out as it is: that is no consumer of the value.</summary>
    private static HashSet<Value> HandedOut(Graph graph) => [.. graph.AllNodes.SelectMany(node => node.Subgraphs).SelectMany(body => body.Outputs)];
}
