using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.ControlFlow;

/// <summary>One scope as a model of its own, and its control flow in which something is wanted.</summary>
internal sealed class ScopeRunner : IDisposable
{
    private readonly Model _model;
    private readonly Graph _graph;
    private readonly Dictionary<string, int> _wanted;
    private readonly ImmutableArray<ControlFlowRunner> _children;
    private readonly ImmutableArray<Value> _captured;
    private readonly Lock _lock = new();
    private string[] _fetched = [];
    private HashSet<string> _kept = [];
    private InferenceModel? _session;
    private bool _isLoaded;
    private bool _isRefused;

    private ScopeRunner(Model model, Graph graph, Dictionary<string, int> wanted, ImmutableArray<ControlFlowRunner> children)
    {
        (_model, _graph, _wanted, _children) = (model, graph, wanted, children);
        _captured = [.. BodyModel.Captured(graph).Where(value => !value.IsConstant)];
    }

    /// <summary>What a run takes in besides the graph's inputs.</summary>
    public IEnumerable<Value> Captured => _captured;

    public Graph Graph => _graph;

    private bool IsNeeded => _wanted.Count > 0 || !_children.IsEmpty;

    public static ScopeRunner Of(Model model, Graph graph, IReadOnlyDictionary<Value, int> wanted)
    {
        ImmutableArray<ControlFlowRunner> children =
        [
            .. graph.Nodes.Where(node => Bodies.IsControlFlow(node) && model.Opset >= ControlFlowRunner.FirstOpset)
                .Select(node => new ControlFlowRunner(node, [.. node.Subgraphs.Select(body => Of(model, body, wanted)).Where(body => body.IsNeeded)])).Where(child => child.IsNeeded),
        ];
        return new(model, graph, wanted.Where(entry => entry.Key.Graph == graph).ToDictionary(entry => entry.Key.Name, entry => entry.Value), children);
    }

    /// <summary>Loads the main graph, whose inputs have types.</summary>
    public void Load() => Load(null, []);

    public void Run(SampleInputs inputs, OutputReader read) => Run(inputs, read, []);

    /// <summary>A run; returns what the graph around it takes over, and null where ONNX Runtime does not take the body for a model.</summary>
    public Dictionary<string, TensorData>? Run(SampleInputs inputs, OutputReader read, IEnumerable<Value> results)
    {
        lock (_lock)
        {
            if (!_isLoaded)
            {
                TryLoad(inputs, results);
            }
        }

        if (_isRefused)
        {
            return null;
        }

        var known = inputs.Tensors.ToDictionary();
        foreach (var (name, index) in _wanted.Where(entry => known.ContainsKey(entry.Key)))
        {
            read(index, known[name].Type, known[name].Dimensions.AsSpan(), known[name].Bytes.Span);
        }

        _session?.Run(inputs, _fetched, (position, type, shape, bytes) =>
        {
            var name = _fetched[position];
            if (_wanted.TryGetValue(name, out var index))
            {
                read(index, type, shape, bytes);
            }

            if (_kept.Contains(name))
            {
                known[name] = new(type, [.. shape], bytes.ToArray());
            }
        });
        foreach (var child in _children)
        {
            child.Run(known, read);
        }

        return known;
    }

    public void Dispose()
    {
        _session?.Dispose();
        foreach (var child in _children)
        {
            child.Dispose();
        }
    }

    private void TryLoad(SampleInputs inputs, IEnumerable<Value> results)
    {
        try
        {
            Load(inputs, results);
        }
        catch (InferenceException)
        {
            _isRefused = true;
        }
    }

    /// <summary>A body's inputs have the types of what comes in first: they do not change.</summary>
    private void Load(SampleInputs? inputs, IEnumerable<Value> results)
    {
        _isLoaded = true;
        var probe = BodyModel.Extract(_model, _graph);
        foreach (var input in probe.Graph.Inputs)
        {
            if (inputs?.Tensors.TryGetValue(input.Name, out var tensor) == true)
            {
                input.Declare(tensor.Type, default);
            }
        }

        _kept = [.. results.Concat(_children.SelectMany(child => child.Intake)).Where(value => value.Graph == _graph).Select(value => value.Name)];
        Value[] outputs = [.. _kept.Concat(_wanted.Keys).Distinct().Select(name => probe.Graph.Find(name)!).Where(value => value.Producer is not null)];
        _fetched = [.. outputs.Select(output => output.Name)];
        if (outputs.Length > 0)
        {
            probe.Graph.SetOutputs(outputs);
            RemoveUnused.Prune(probe.Graph);
            _session = InferenceModel.Load(probe, Optimization.Float);
        }
    }
}
