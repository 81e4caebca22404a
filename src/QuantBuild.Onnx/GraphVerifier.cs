namespace QuantBuild.Onnx;

/// <summary>The invariants that every pass may rely on and must keep.</summary>
public static class GraphVerifier
{
    /// <summary>Every violation, in the words of the graph; none for a valid graph.</summary>
    public static IEnumerable<string> Violations(Graph graph) =>
        Values(graph).Concat(Topology(graph)).Concat(Uses(graph)).Concat(graph.Nodes.SelectMany(node => node.Subgraphs).SelectMany(Violations));

    /// <summary>Says <paramref name="when"/> in the work the graph was looked at, if it is not valid.</summary>
    /// <exception cref="InvalidOperationException">The graph is not valid, which is a bug of whoever changed it.</exception>
    public static void Verify(Model model, string when)
    {
        var violations = Violations(model.Graph).Take(5).ToArray();
        if (violations.Length > 0)
        {
            throw new InvalidOperationException($"{when}: {string.Join(" ", violations)}");
        }
    }

    private static IEnumerable<string> Values(Graph graph)
    {
        foreach (var value in graph.Values)
        {
            if (value.Producer is not null && (value.HasConstant || value.IsGraphInput))
            {
                yield return $"Value '{value}' is made by {value.Producer} and is an input or initializer too.";
            }

            if (graph.Parent?.Find(value.Name) is not null)
            {
                yield return $"Value '{value}' hides one of an outer graph.";
            }
        }
    }

    private static IEnumerable<string> Topology(Graph graph)
    {
        if (!TopologicalOrder.IsKept(graph))
        {
            yield return $"Graph '{graph.Name}' has a node that reads a value before it is made.";
        }

        foreach (var output in graph.Nodes.SelectMany(node => node.Outputs.OfType<Value>()).GroupBy(value => value).Where(group => group.Count() > 1))
        {
            yield return $"Value '{output.Key}' is made twice.";
        }
    }

    private static IEnumerable<string> Uses(Graph graph)
    {
        foreach (var node in graph.Nodes)
        {
            foreach (var (index, input) in node.Inputs.Index())
            {
                if (input is not null && !input.Consumers.Contains(new(node, index)))
                {
                    yield return $"{node} reads '{input}', which does not know of it.";
                }

                if (input is not null && Dangles(input))
                {
                    yield return $"{node} reads '{input}', which nothing makes.";
                }
            }

            foreach (var output in node.Outputs.OfType<Value>().Where(output => output.Producer != node))
            {
                yield return $"{node} makes '{output}', which does not know of it.";
            }
        }

        foreach (var output in graph.Outputs.Where(Dangles))
        {
            yield return $"Output '{output}' is made by nothing.";
        }
    }

    private static bool Dangles(Value value) =>
        value.Graph.Find(value.Name) != value
        || (value.Producer is null && !value.HasConstant && value.SparseProto is null && !value.IsGraphInput);
}
