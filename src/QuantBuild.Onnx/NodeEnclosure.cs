using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>Puts a node into the body of another one that takes over its inputs and outputs.</summary>
public static class NodeEnclosure
{
    /// <summary>
    /// Returns the new node. Its body takes a value for each input of <paramref name="node"/>, of which none may be left out, and makes one for each output;
    /// between them stands the node with its own bodies. Their objects are new ones.
    /// </summary>
    public static Node Enclose(Node node, string opType)
    {
        var (graph, inner) = (node.Graph, GraphWriter.WriteNode(node));
        var outer = new NodeProto { OpType = opType, Name = node.Name, Input = { inner.Input }, Output = { inner.Output } };
        for (var i = 0; i < inner.Input.Count; i++)
        {
            inner.Input[i] = graph.UniqueName($"{inner.Input[i]}_in{i}");
        }

        for (var i = 0; i < inner.Output.Count; i++)
        {
            inner.Output[i] = graph.UniqueName($"{inner.Output[i]}_out{i}");
        }

        var body = new GraphProto { Name = opType + "_body", Node = { inner } };
        body.Input.Add(inner.Input.Select(name => new ValueInfoProto { Name = name }));
        body.Output.Add(inner.Output.Select(name => new ValueInfoProto { Name = name }));
        outer.Attribute.Add(new AttributeProto { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = body });
        return GraphReader.Substitute(node, [outer], [])[0];
    }
}
