using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx;

/// <summary>
/// Nodes in an order in which they can run, and the values between them. A graph in a node's attribute sees the values of
/// the graphs around it. Edits keep producers and consumers true; <see cref="GraphVerifier"/> checks the rest.
/// </summary>
public sealed class Graph
{
    private readonly List<Node> _nodes = [];
    private readonly List<Value> _inputs = [];
    private readonly List<Value> _outputs = [];
    private readonly OrderedDictionary<string, Value> _values = [];

    internal Graph(Graph? parent, GraphProto proto)
    {
        Parent = parent;
        Proto = proto;
    }

    public string Name => Proto.Name;

    public Graph? Parent { get; }

    public IReadOnlyList<Node> Nodes => _nodes;

    public IReadOnlyList<Value> Inputs => _inputs;

    public IReadOnlyList<Value> Outputs => _outputs;

    /// <summary>Every value of this scope, in the order in which they came to be.</summary>
    public IEnumerable<Value> Values => _values.Values;

    public IEnumerable<Value> Initializers => _values.Values.Where(value => value.HasConstant);

    /// <summary>The nodes of this graph and of all graphs nested in it.</summary>
    public IEnumerable<Node> AllNodes => _nodes.SelectMany(node => node.Subgraphs.SelectMany(graph => graph.AllNodes).Prepend(node));

    internal GraphProto Proto { get; }

    private Graph Root => Parent?.Root ?? this;

    /// <summary>The names of all scopes: a name that shadows one of an outer graph is not valid ONNX.</summary>
    private HashSet<string> Names => Root._names;

    private readonly HashSet<string> _names = [];

    /// <summary>The value of this name in this scope or one around it, or null.</summary>
    public Value? Find(string name) => _values.TryGetValue(name, out var value) ? value : Parent?.Find(name);

    public Value AddInput(string name)
    {
        var value = Declare(name);
        _inputs.Add(value);
        return value;
    }

    public void AddOutput(Value value) => _outputs.Add(value);

    /// <summary>Makes exactly these values the outputs.</summary>
    public void SetOutputs(IEnumerable<Value> values)
    {
        var outputs = values.ToArray();
        _outputs.Clear();
        _outputs.AddRange(outputs);
    }

    /// <summary>Stops an initializer from being an input of the graph as well.</summary>
    public void RemoveInput(Value value) => _inputs.Remove(value);

    /// <summary>Adds a constant under a name made from <paramref name="hint"/>.</summary>
    public Value AddInitializer(string hint, TensorData data)
    {
        var value = Declare(UniqueName(hint));
        value.Constant = data;
        return value;
    }

    /// <summary>A new value that a node is about to produce.</summary>
    public Value AddValue(string hint) => Declare(UniqueName(hint));

    /// <summary>Adds a node that makes one new value, before <paramref name="position"/> or at the end.</summary>
    public Node AddNode(string opType, IEnumerable<Value?> inputs, string outputHint, Node? position = null, string domain = "") =>
        AddNode(new NodeProto { OpType = opType, Domain = domain }, inputs, [AddValue(outputHint)], position);

    /// <summary>Adds a node with these outputs, which must have no producer yet.</summary>
    public Node AddNode(string opType, IEnumerable<Value?> inputs, IEnumerable<Value?> outputs, Node? position = null, string domain = "") =>
        AddNode(new NodeProto { OpType = opType, Domain = domain }, inputs, outputs, position);

    /// <summary>Removes a node and the values that it made, which nothing may read any more.</summary>
    public void Remove(Node node)
    {
        if (node.Outputs.Any(output => output is not null && (output.Consumers.Count > 0 || output.IsGraphOutput)))
        {
            throw new InvalidOperationException($"{node} is still used.");
        }

        node.Detach();
        _nodes.Remove(node);
        foreach (var output in node.Outputs.OfType<Value>())
        {
            Forget(output);
        }
    }

    /// <summary>Puts another node in the place of <paramref name="node"/>: the outputs move to it.</summary>
    public Node Replace(Node node, string opType, IEnumerable<Value?> inputs, string domain = "")
    {
        var position = _nodes.IndexOf(node);
        var outputs = node.Outputs.ToArray();
        var given = inputs.ToArray();
        node.Detach();
        var replacement = new Node(this, new NodeProto { OpType = opType, Domain = domain, Name = node.Name });
        replacement.SetInputs(given);
        Array.ForEach(outputs, replacement.AddOutput);
        _nodes[position] = replacement;
        return replacement;
    }

    /// <summary>Removes an initializer that nothing reads.</summary>
    public void RemoveInitializer(Value value)
    {
        if (value.Consumers.Count > 0 || value.IsGraphOutput)
        {
            throw new InvalidOperationException($"{value} is still used.");
        }

        _inputs.Remove(value);
        Forget(value);
    }

    /// <summary>Gives a value whose name another scope has too a name of its own.</summary>
    public void Rename(Value value)
    {
        var position = _values.IndexOf(value.Name);
        _values.RemoveAt(position);
        value.Name = UniqueName(value.Name);
        _values.Insert(position, value.Name, value);
        Names.Add(value.Name);
        if (value.SparseProto is { } sparse)
        {
            value.SparseProto = sparse.Clone();
            value.SparseProto.Values.Name = value.Name;
        }
    }

    /// <summary>A name that no value of the model has: the hint itself, or the hint and a number.</summary>
    public string UniqueName(string hint)
    {
        var name = hint;
        for (var i = 1; Names.Contains(name); i++)
        {
            name = $"{hint}_{i}";
        }

        return name;
    }

    internal Node AddNode(NodeProto proto, IEnumerable<Value?> inputs, IEnumerable<Value?> outputs, Node? position)
    {
        var node = new Node(this, proto);
        node.SetInputs(inputs);
        foreach (var output in outputs)
        {
            node.AddOutput(output);
        }

        _nodes.Insert(position is null ? _nodes.Count : _nodes.IndexOf(position), node);
        return node;
    }

    /// <summary>Takes out a node that was detached, and leaves its outputs to others.</summary>
    internal void Discard(Node node) => _nodes.Remove(node);

    internal bool TryDeclare(string name, out Value value)
    {
        if (_values.TryGetValue(name, out value!))
        {
            return false;
        }

        value = Declare(name);
        return true;
    }

    /// <summary>Gives the values of this graph whose names hide one of an outer graph names of their own.</summary>
    internal void RenameHidden()
    {
        foreach (var value in Parent is null ? [] : _values.Values.Where(value => Parent.Find(value.Name) is not null).ToArray())
        {
            _values.Remove(value.Name);
            value.Name = UniqueName(value.Name);
            _values.Add(value.Name, value);
            Names.Add(value.Name);
        }

        foreach (var graph in _nodes.SelectMany(node => node.Subgraphs))
        {
            graph.RenameHidden();
        }
    }

    internal void Order(IEnumerable<Node> nodes)
    {
        var ordered = nodes.ToArray();
        _nodes.Clear();
        _nodes.AddRange(ordered);
    }

    /// <summary>Where <paramref name="value"/> is an output, its name moves to <paramref name="replacement"/>.</summary>
    internal void ReplaceOutput(Value value, Value replacement)
    {
        for (var i = 0; i < _outputs.Count; i++)
        {
            if (_outputs[i] == value)
            {
                _outputs[i] = replacement.Graph == this && replacement.Producer is not null && !replacement.IsGraphOutput
                    ? Rename(value, replacement)
                    : Copy(value, replacement);
            }
        }
    }

    private Value Rename(Value value, Value replacement)
    {
        var name = value.Name;
        var info = value.Info;
        Forget(value);
        _values.Remove(replacement.Name);
        Names.Remove(replacement.Name);
        replacement.Name = name;
        replacement.Info = info;
        _values.Add(name, replacement);
        Names.Add(name);
        value.Name = UniqueName(name + "_replaced");
        _values.Add(value.Name, value);
        Names.Add(value.Name);
        return replacement;
    }

    /// <summary>An input, a constant or an output of another name cannot be renamed: an Identity brings it out.</summary>
    private Value Copy(Value value, Value replacement)
    {
        var node = AddNode("Identity", [replacement], value.Name + "_copy");
        return Rename(value, node.Output);
    }

    private Value Declare(string name)
    {
        var value = new Value(this, name);
        _values.Add(name, value);
        Names.Add(name);
        return value;
    }

    private void Forget(Value value)
    {
        _values.Remove(value.Name);
        Names.Remove(value.Name);
    }
}
