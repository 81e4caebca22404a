using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>From the file's messages, where values are names, to a graph of objects.</summary>
internal static class GraphReader
{
    /// <exception cref="QuantBuildException">A value is made twice, is read without being made, or nodes form a cycle.</exception>
    public static Model Read(ModelProto proto)
    {
        var graph = ReadGraph(null, proto.Graph ?? new GraphProto());
        graph.RenameHidden();
        var envelope = proto.Clone();
        envelope.Graph = null;
        return new(envelope, graph);
    }

    /// <summary>Puts nodes in the place of <paramref name="call"/>, whose outputs they make under the same names; whatever else they make is new.</summary>
    public static Node[] Substitute(Node call, IReadOnlyList<NodeProto> nodes, IEnumerable<ValueInfoProto> types)
    {
        var graph = call.Graph;
        call.Detach();
        var made = nodes.Select(node => DeclareNode(graph, node, call)).ToArray();
        foreach (var (node, proto) in made.Zip(nodes))
        {
            Connect(node, proto);
        }

        foreach (var info in types)
        {
            graph.Find(info.Name)?.Info ??= info;
        }

        graph.Discard(call);
        return made;
    }

    private static Graph ReadGraph(Graph? parent, GraphProto proto)
    {
        var graph = new Graph(parent, Envelope(proto));
        DeclareInputs(graph, proto);
        var nodes = proto.Node.Select(node => DeclareNode(graph, node)).ToArray();
        for (var i = 0; i < nodes.Length; i++)
        {
            Connect(nodes[i], proto.Node[i]);
        }

        foreach (var info in proto.Output)
        {
            var value = Resolve(graph, info.Name);
            value.Info ??= info;
            graph.AddOutput(value);
        }

        foreach (var info in proto.ValueInfo)
        {
            if (graph.Find(info.Name) is { } value && value.Graph == graph)
            {
                value.Info ??= info;
            }
        }

        TopologicalOrder.Restore(graph);
        return graph;
    }

    /// <summary>What is left of a graph's message once everything that <see cref="Graph"/> holds is taken out.</summary>
    private static GraphProto Envelope(GraphProto proto)
    {
        var envelope = proto.Clone();
        envelope.Node.Clear();
        envelope.Initializer.Clear();
        envelope.Input.Clear();
        envelope.Output.Clear();
        envelope.ValueInfo.Clear();
        envelope.SparseInitializer.Clear();
        return envelope;
    }

    private static void DeclareInputs(Graph graph, GraphProto proto)
    {
        foreach (var info in proto.Input)
        {
            if (graph.Find(info.Name) is { } other && other.Graph == graph)
            {
                throw Invalid($"Input '{info.Name}' is declared twice.");
            }

            graph.AddInput(info.Name).Info = info;
        }

        foreach (var tensor in proto.Initializer)
        {
            _ = graph.TryDeclare(tensor.Name, out var value);
            value.InitializerProto = tensor;
        }

        foreach (var sparse in proto.SparseInitializer)
        {
            _ = graph.TryDeclare(sparse.Values?.Name ?? "", out var value);
            value.SparseProto = sparse;
        }
    }

    /// <summary>Adds the node at the end, or before <paramref name="substituted"/>, whose outputs it may make.</summary>
    private static Node DeclareNode(Graph graph, NodeProto proto, Node? substituted = null)
    {
        var envelope = proto.Clone();
        envelope.Input.Clear();
        envelope.Output.Clear();
        envelope.Attribute.Clear();
        var outputs = proto.Output.Select(name =>
        {
            if (name.Length == 0)
            {
                return null;
            }

            return graph.TryDeclare(name, out var value) || (value.Producer is null && substituted?.Outputs.Contains(value) == true)
                ? value
                : throw Invalid($"Value '{name}' is made twice.");
        }).ToArray();
        return graph.AddNode(envelope, [], outputs, substituted);
    }

    private static void Connect(Node node, NodeProto proto)
    {
        node.SetInputs(proto.Input.Select(name => name.Length == 0 ? null : Resolve(node.Graph, name)));
        foreach (var attribute in proto.Attribute)
        {
            var graphs = (attribute.G is null ? [] : Enumerable.Repeat(attribute.G, 1)).Concat(attribute.Graphs);
            node.Set(new NodeAttribute(attribute, [.. graphs.Select(graph => ReadGraph(node.Graph, graph))]));
        }
    }

    private static Value Resolve(Graph graph, string name) =>
        graph.Find(name) ?? throw Invalid($"Value '{name}' is read but never made.");

    private static QuantBuildException Invalid(string message) =>
        new(DiagnosticCodes.InvalidGraph, $"The graph is not valid: {message} Export the model again, or check it with onnx.checker.");
}
