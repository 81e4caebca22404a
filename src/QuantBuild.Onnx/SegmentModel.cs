using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>Some nodes of a main graph as a model of their own.</summary>
public static class SegmentModel
{
    /// <summary>
    /// A copy of <paramref name="nodes"/>, in their order, under the opsets and functions of their model. Constants that they or their bodies read become
    /// initializers, what else they read and do not make becomes an input, with the type that the file declares, if any.
    /// </summary>
    public static Model Extract(Model model, IReadOnlyCollection<Node> nodes, IEnumerable<Value> outputs)
    {
        var graph = new GraphProto { Name = model.Graph.Name };
        graph.Node.AddRange(nodes.Select(GraphWriter.WriteNode));
        graph.Output.AddRange(outputs.Select(GraphWriter.WriteInfo));
        var made = nodes.SelectMany(node => node.Outputs).OfType<Value>().ToHashSet();
        foreach (var value in nodes.SelectMany(Reads).Distinct().Where(value => !made.Contains(value)))
        {
            if (value.SparseProto is { } sparse)
            {
                graph.SparseInitializer.Add(sparse);
            }
            else if (value.HasConstant)
            {
                graph.Initializer.Add(GraphWriter.WriteInitializer(value));
            }

            if (value is { SparseProto: null, IsConstant: false })
            {
                graph.Input.Add(GraphWriter.WriteInfo(value));
            }
        }

        var proto = model.Envelope.Clone();
        proto.Graph = graph;
        return GraphReader.Read(proto);
    }

    private static IEnumerable<Value> Reads(Node node) => node.Inputs.OfType<Value>().Concat(node.Subgraphs.SelectMany(body => BodyModel.Captured(body)));
}
