using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Onnx;

/// <summary>An order in which the nodes of a graph can run.</summary>
public static class TopologicalOrder
{
    /// <summary>Moves nodes only where one reads a value that is made later; others keep their order.</summary>
    /// <exception cref="QuantBuildException">The nodes form a cycle.</exception>
    public static void Restore(Graph graph)
    {
        if (!IsKept(graph))
        {
            graph.Order(Sorted(graph));
        }
    }

    /// <summary>The values of <paramref name="graph"/> that a node reads, itself or in the graphs nested in it.</summary>
    public static IEnumerable<Value> Reads(Node node, Graph graph) =>
        node.Inputs.OfType<Value>()
            .Concat(node.Subgraphs.SelectMany(nested => nested.AllNodes.SelectMany(inner => inner.Inputs.OfType<Value>()).Concat(nested.Outputs)))
            .Where(value => value.Graph == graph);

    internal static bool IsKept(Graph graph)
    {
        var made = new HashSet<Node>();
        foreach (var node in graph.Nodes)
        {
            if (Reads(node, graph).Any(value => value.Producer is { } producer && !made.Contains(producer)))
            {
                return false;
            }

            made.Add(node);
        }

        return true;
    }

    private static List<Node> Sorted(Graph graph)
    {
        var sorted = new List<Node>();
        var state = new Dictionary<Node, bool>();
        var stack = new Stack<(Node Node, bool Leave)>(graph.Nodes.Reverse().Select(node => (node, false)));
        while (stack.TryPop(out var step))
        {
            if (step.Leave)
            {
                state[step.Node] = true;
                sorted.Add(step.Node);
            }
            else if (state.TryAdd(step.Node, false))
            {
                stack.Push((step.Node, true));
                foreach (var producer in Reads(step.Node, graph).Select(value => value.Producer).OfType<Node>().Reverse())
                {
                    if (state.TryGetValue(producer, out var done) && !done)
                    {
                        throw new QuantBuildException(DiagnosticCodes.InvalidGraph, $"The graph is not valid: {producer} depends on its own output. Export the model again.");
                    }

                    stack.Push((producer, false));
                }
            }
        }

        return sorted;
    }
}
