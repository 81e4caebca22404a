using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>From a graph of objects back to the file's messages; what the graph never touched is written as it was read.</summary>
internal static class GraphWriter
{
    public static ModelProto Write(Model model)
    {
        var proto = model.Envelope.Clone();
        proto.Graph = WriteGraph(model.Graph);
        return proto;
    }

    internal static GraphProto WriteGraph(Graph graph)
    {
        var proto = graph.Proto.Clone();
        proto.Node.AddRange(graph.Nodes.Select(WriteNode));
        proto.Input.AddRange(graph.Inputs.Select(WriteInfo));
        proto.Output.AddRange(graph.Outputs.Select(WriteInfo));
        foreach (var value in graph.Values)
        {
            if (value.HasConstant)
            {
                proto.Initializer.Add(WriteInitializer(value));
            }
            else if (value.SparseProto is { } sparse)
            {
                proto.SparseInitializer.Add(sparse);
            }
            else if (value.Info is not null && value.Producer is not null && !value.IsGraphOutput)
            {
                proto.ValueInfo.Add(WriteInfo(value));
            }
        }

        return proto;
    }

    internal static NodeProto WriteNode(Node node)
    {
        var proto = node.Proto.Clone();
        if (node.Name.Length > 0 || proto.HasName)
        {
            proto.Name = node.Name;
        }

        proto.Input.AddRange(node.Inputs.Select(value => value?.Name ?? ""));
        proto.Output.AddRange(node.Outputs.Select(value => value?.Name ?? ""));
        proto.Attribute.AddRange(node.Attributes.Values.Select(Write));
        return proto;
    }

    public static AttributeProto Write(NodeAttribute attribute)
    {
        var proto = attribute.Proto.Clone();
        if (!attribute.Graphs.IsEmpty)
        {
            var graphs = attribute.Graphs.Select(WriteGraph).ToList();
            if (proto.G is not null)
            {
                proto.G = graphs[0];
                graphs.RemoveAt(0);
            }

            proto.Graphs.Clear();
            proto.Graphs.AddRange(graphs);
        }

        return proto;
    }

    internal static TensorProto WriteInitializer(Value value)
    {
        var tensor = value.InitializerProto?.Clone() ?? TensorCodec.Encode(value.Constant!);
        tensor.Name = value.Name;
        return tensor;
    }

    internal static ValueInfoProto WriteInfo(Value value)
    {
        var info = value.Info?.Clone() ?? new ValueInfoProto();
        info.Name = value.Name;
        return info;
    }
}
