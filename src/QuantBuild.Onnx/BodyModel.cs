using System.Collections.Immutable;

namespace QuantBuild.Onnx;

/// <summary>A graph in a node's attribute as a model of its own.</summary>
public static class BodyModel
{
    /// <summary>The values of the graphs around it that <paramref name="graph"/>, or a graph nested in it, reads.</summary>
    public static ImmutableArray<Value> Captured(Graph graph)
    {
        var nested = graph.AllNodes.SelectMany(node => node.Subgraphs).Append(graph).ToHashSet();
        return
        [
            .. graph.AllNodes.SelectMany(node => node.Inputs.OfType<Value>().Concat(node.Subgraphs.SelectMany(body => body.Outputs)))
                .Concat(graph.Outputs).Where(value => !nested.Contains(value.Graph)).Distinct(),
        ];
    }

    /// <summary>
    /// A copy of <paramref name="graph"/> under the opsets and functions of its model. Constants that it captures become initializers, other captured
    /// values inputs, behind its own. Inputs have the types that the file declares, which a body often leaves out.
    /// </summary>
    public static Model Extract(Model model, Graph graph)
    {
        var proto = model.Envelope.Clone();
        proto.Graph = GraphWriter.WriteGraph(graph);
        foreach (var value in Captured(graph))
        {
            if (value.IsConstant)
            {
                proto.Graph.Initializer.Add(GraphWriter.WriteInitializer(value));
            }
            else if (value.SparseProto is { } sparse)
            {
                proto.Graph.SparseInitializer.Add(sparse);
            }
            else
            {
                proto.Graph.Input.Add(GraphWriter.WriteInfo(value));
            }
        }

        return GraphReader.Read(proto);
    }
}
