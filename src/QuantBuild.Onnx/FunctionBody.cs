using System.Collections.Immutable;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>
/// The nodes of a function as one call makes them: the call's values in place of the function's inputs and outputs, the call's
/// attributes where the function refers to its own, and names that no other value of the model has.
/// </summary>
internal sealed class FunctionBody
{
    private readonly FunctionProto _function;
    private readonly Node _call;
    private readonly ImmutableDictionary<string, AttributeProto> _attributes;
    private readonly HashSet<string> _taken = [];
    private readonly string _prefix;

    private FunctionBody(FunctionProto function, Node call)
    {
        _function = function;
        _call = call;
        _prefix = call.Name.Length > 0 ? call.Name : call.OpType;
        _attributes = function.AttributeProto.ToImmutableDictionary(attribute => attribute.Name)
            .SetItems(call.Attributes.Values.Select(attribute => KeyValuePair.Create(attribute.Name, GraphWriter.Write(attribute))));
    }

    /// <summary>The nodes, and the types that the function declares, under the names of this call.</summary>
    public static (ImmutableArray<NodeProto> Nodes, ImmutableArray<ValueInfoProto> Types) Of(FunctionProto function, Node call) =>
        new FunctionBody(function, call).Instantiate();

    private (ImmutableArray<NodeProto> Nodes, ImmutableArray<ValueInfoProto> Types) Instantiate()
    {
        var names = new Dictionary<string, string>();
        foreach (var (index, input) in _function.Input.Index())
        {
            names[input] = _call.Input(index)?.Name ?? "";
        }

        var handedOn = new List<NodeProto>();
        foreach (var (name, output) in _function.Output.Zip(_call.Outputs))
        {
            // What is an input too, or stands for two outputs, needs a node of its own to make the second.
            if (output is not null && !names.TryAdd(name, output.Name))
            {
                handedOn.Add(new NodeProto { OpType = "Identity", Input = { names[name] }, Output = { output.Name } });
            }
        }

        Declare(_function.Node.SelectMany(node => node.Output), names);
        return (
            [.. _function.Node.Select(node => Instantiate(node, names)), .. handedOn],
            [.. _function.ValueInfo.Where(info => names.ContainsKey(info.Name)).Select(info => Renamed(info, names))]);
    }

    /// <summary>Gives each name that is new in this scope one that is new in the model.</summary>
    private void Declare(IEnumerable<string> made, Dictionary<string, string> names)
    {
        foreach (var name in made.Where(name => name.Length > 0 && !names.ContainsKey(name)))
        {
            var hint = $"{_prefix}_{name}";
            var unique = _call.Graph.UniqueName(hint);
            for (var i = 1; !_taken.Add(unique); i++)
            {
                unique = _call.Graph.UniqueName($"{hint}_{i}");
            }

            names[name] = unique;
        }
    }

    private NodeProto Instantiate(NodeProto body, Dictionary<string, string> names)
    {
        var node = body.Clone();
        node.Input.Clear();
        node.Input.AddRange(body.Input.Select(name => names.GetValueOrDefault(name, name)));
        node.Output.Clear();
        node.Output.AddRange(body.Output.Select(name => names.GetValueOrDefault(name, name)));
        node.Attribute.Clear();
        node.Attribute.AddRange(body.Attribute.Select(attribute => Instantiate(attribute, names)).OfType<AttributeProto>());
        if (node.Name.Length > 0)
        {
            node.Name = $"{_prefix}_{node.Name}";
        }

        return node;
    }

    /// <summary>Null where it refers to an attribute that the call leaves out and that has no default: then the operator's own holds.</summary>
    private AttributeProto? Instantiate(AttributeProto body, Dictionary<string, string> names)
    {
        if (body.RefAttrName.Length > 0)
        {
            if (!_attributes.TryGetValue(body.RefAttrName, out var given))
            {
                return null;
            }

            var named = given.Clone();
            named.Name = body.Name;
            return named;
        }

        var attribute = body.Clone();
        attribute.G = body.G is null ? null : Instantiate(body.G, names);
        attribute.Graphs.Clear();
        attribute.Graphs.AddRange(body.Graphs.Select(graph => Instantiate(graph, names)));
        return attribute;
    }

    private GraphProto Instantiate(GraphProto body, Dictionary<string, string> outer)
    {
        // A name that the graph declares may be that of an outer value only by mistake; its own then wins, as it does without a function.
        var made = body.Input.Select(info => info.Name).Concat(body.Initializer.Select(tensor => tensor.Name))
            .Concat(body.SparseInitializer.Select(sparse => sparse.Values.Name)).Concat(body.Node.SelectMany(node => node.Output)).ToHashSet();
        var names = outer.Where(entry => !made.Contains(entry.Key)).ToDictionary();
        Declare(made, names);
        var graph = body.Clone();
        graph.Node.Clear();
        graph.Node.AddRange(body.Node.Select(node => Instantiate(node, names)));
        foreach (var tensor in graph.Initializer.Concat(graph.SparseInitializer.Select(sparse => sparse.Values)))
        {
            tensor.Name = names[tensor.Name];
        }

        foreach (var infos in new[] { graph.Input, graph.Output, graph.ValueInfo })
        {
            var renamed = infos.Select(info => Renamed(info, names)).ToArray();
            infos.Clear();
            infos.AddRange(renamed);
        }

        return graph;
    }

    private static ValueInfoProto Renamed(ValueInfoProto info, Dictionary<string, string> names)
    {
        var renamed = info.Clone();
        renamed.Name = names.GetValueOrDefault(info.Name, info.Name);
        return renamed;
    }
}
