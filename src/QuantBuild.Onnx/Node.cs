using System.Collections.Immutable;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>One operator of a graph. An optional input or output that is left out is null.</summary>
public sealed class Node
{
    private readonly List<Value?> _inputs = [];
    private readonly List<Value?> _outputs = [];
    private readonly OrderedDictionary<string, NodeAttribute> _attributes = [];

    internal Node(Graph graph, NodeProto proto)
    {
        Graph = graph;
        Proto = proto;
        OpType = proto.OpType;
        Domain = proto.Domain == "ai.onnx" ? "" : proto.Domain;
        Name = proto.Name;
    }

    public Graph Graph { get; }

    public string OpType { get; }

    /// <summary>The operator's domain; "" for ONNX's own.</summary>
    public string Domain { get; }

    public string Name { get; set; }

    public IReadOnlyList<Value?> Inputs => _inputs;

    public IReadOnlyList<Value?> Outputs => _outputs;

    public IReadOnlyDictionary<string, NodeAttribute> Attributes => _attributes;

    /// <summary>The graphs in this node's attributes: branches of If, bodies of Loop and Scan.</summary>
    public IEnumerable<Graph> Subgraphs => _attributes.Values.SelectMany(attribute => attribute.Graphs);

    /// <summary>The first output; every node but a few has one.</summary>
    /// <exception cref="InvalidOperationException">It is left out.</exception>
    public Value Output => (_outputs.Count > 0 ? _outputs[0] : null) ?? throw new InvalidOperationException($"{this} has no first output.");

    internal NodeProto Proto { get; }

    public bool Is(string opType) => OpType == opType && Domain.Length == 0;

    public Value? Input(int index) => index < _inputs.Count ? _inputs[index] : null;

    public void SetInput(int index, Value? value)
    {
        while (_inputs.Count <= index)
        {
            _inputs.Add(null);
        }

        _inputs[index]?.RemoveConsumer(new(this, index));
        _inputs[index] = value;
        value?.AddConsumer(new(this, index));
    }

    /// <summary>Replaces all inputs; those left out at the end are dropped.</summary>
    public void SetInputs(params IEnumerable<Value?> values)
    {
        var next = values.ToArray();
        for (var i = 0; i < _inputs.Count; i++)
        {
            SetInput(i, null);
        }

        _inputs.Clear();
        for (var i = 0; i < next.Length; i++)
        {
            SetInput(i, next[i]);
        }
    }

    public long Int(string name, long fallback) => _attributes.TryGetValue(name, out var attribute) ? attribute.Int : fallback;

    public float Float(string name, float fallback) => _attributes.TryGetValue(name, out var attribute) ? attribute.Float : fallback;

    public string Text(string name, string fallback) => _attributes.TryGetValue(name, out var attribute) ? attribute.Text : fallback;

    /// <summary>Default where the attribute is missing.</summary>
    public ImmutableArray<long> Ints(string name) => _attributes.TryGetValue(name, out var attribute) ? attribute.Ints : default;

    public ImmutableArray<float> Floats(string name) => _attributes.TryGetValue(name, out var attribute) ? attribute.Floats : default;

    public Node Set(NodeAttribute attribute)
    {
        _attributes[attribute.Name] = attribute;
        return this;
    }

    public Node Set(string name, long value) => Set(NodeAttribute.Of(name, value));

    public Node Set(string name, float value) => Set(NodeAttribute.Of(name, value));

    public Node Set(string name, string value) => Set(NodeAttribute.Of(name, value));

    public Node Set(string name, ImmutableArray<long> values) => Set(NodeAttribute.Of(name, values));

    public bool RemoveAttribute(string name) => _attributes.Remove(name);

    public override string ToString() => Name.Length > 0 ? $"{OpType} '{Name}'" : $"{OpType} -> {_outputs.FirstOrDefault()?.Name}";

    internal void AddOutput(Value? value)
    {
        _outputs.Add(value);
        value?.Producer = this;
    }

    internal void Detach()
    {
        SetInputs();
        foreach (var output in _outputs)
        {
            output?.Producer = null;
        }

        foreach (var graph in Subgraphs)
        {
            foreach (var node in graph.Nodes.ToArray())
            {
                node.Detach();
            }
        }
    }
}
