using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.ControlFlow;

/// <summary>
/// The graphs of a model whose runs are understood: the main graph, the branches of If and the bodies of Loop and Scan. Graphs in other operators are
/// those operators' own affair.
/// </summary>
internal static class Bodies
{
    /// <summary>The graph itself, then the bodies in its nodes, each before those nested in it.</summary>
    public static IEnumerable<Graph> Scopes(Graph graph) =>
        graph.Nodes.Where(IsControlFlow).SelectMany(node => node.Subgraphs).SelectMany(Scopes).Prepend(graph);

    /// <summary>The nodes of all scopes: each before those of its bodies.</summary>
    public static IEnumerable<Node> Nodes(Graph graph) =>
        graph.Nodes.SelectMany(node => (IsControlFlow(node) ? node.Subgraphs.SelectMany(Nodes) : []).Prepend(node));

    /// <summary>Why nothing is known of what a body computes; null where a run came to it.</summary>
    public static string? Obstacle(Graph graph, ModelProfile profile) =>
        graph.Parent is not { } parent || profile.IsSeen(graph) ? null
        : Obstacle(parent, profile) ?? (parent.Nodes.First(node => node.Subgraphs.Contains(graph)) switch
        {
            var node when node.Inputs.OfType<Value>().Concat(BodyModel.Captured(graph)).Any(value => !value.IsConstant && !profile.Values.ContainsKey(value.Name)) =>
                $"its {node.OpType} takes in values that are no tensors",
            { OpType: "If" } => "no sample takes its branch",
            var node => $"no sample comes to the body of its {node.OpType}",
        });

    /// <summary>What a node is called in reports: its name, else its output's, behind those of the bodies around it.</summary>
    public static string NameOf(Node node) => string.Join('/', Path(node.Graph).Select(body => $"{OwnName(body.Node)}/{body.Attribute}").Append(OwnName(node)));

    public static bool IsControlFlow(Node node) => node.Is("If") || node.Is("Loop") || node.Is("Scan");

    /// <summary>The nodes whose bodies are around a graph, the outermost first, each with the attribute that leads there; empty for a main graph.</summary>
    public static IEnumerable<(Node Node, string Attribute)> Path(Graph graph) => graph.Parent is not { } parent
        ? []
        : Path(parent).Concat(parent.Nodes.SelectMany(node => node.Attributes.Values.Where(attribute => attribute.Graphs.Contains(graph)).Select(attribute => (node, attribute.Name))));

    private static string OwnName(Node node) => node.Name.Length > 0 ? node.Name : node.Outputs is [{ } output, ..] ? output.Name : node.OpType;
}
