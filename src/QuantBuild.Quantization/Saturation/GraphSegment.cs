using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Saturation;

/// <summary>Some nodes of a graph as a model of their own, run as they are.</summary>
internal sealed class GraphSegment : IDisposable
{
    private readonly Model _model;
    private readonly Dictionary<string, string> _sources = [];
    private readonly string[] _outputs;
    private readonly Lock _lock = new();
    private InferenceModel? _session;

    /// <param name="whole">The model that the nodes belong to; stays as it is.</param>
    /// <param name="members">The nodes.</param>
    /// <param name="wanted">The names of values that are needed though no other node of the model reads them.</param>
    public GraphSegment(Model whole, IReadOnlySet<Node> members, IReadOnlySet<string> wanted)
    {
        _outputs =
        [
            .. members.SelectMany(node => node.Outputs).OfType<Value>()
                .Where(value => wanted.Contains(value.Name) || value.Consumers.Any(use => !members.Contains(use.Node))).Select(value => value.Name),
        ];
        _model = whole.Clone();
        var graph = _model.Graph;
        var inside = whole.Graph.Nodes.Zip(graph.Nodes).Where(pair => members.Contains(pair.First)).Select(pair => pair.Second).ToHashSet();
        foreach (var value in inside.SelectMany(node => node.Inputs).OfType<Value>().Where(value => value.Producer is { } producer && !inside.Contains(producer)).Distinct().ToArray())
        {
            var given = graph.AddInput(graph.UniqueName(value.Name + "_given"));
            _sources[given.Name] = value.Name;
            foreach (var use in value.Consumers.Where(use => inside.Contains(use.Node)).ToArray())
            {
                use.Node.SetInput(use.Index, given);
            }
        }

        graph.SetOutputs(_outputs.Select(name => graph.Find(name)!));
        RemoveUnused.Prune(graph);
        foreach (var input in graph.Inputs.Where(input => input.Consumers.Count == 0).ToArray())
        {
            graph.RemoveInput(input);
        }
    }

    /// <summary>Computes the values that others need, out of those known.</summary>
    public void Run(SampleInputs sample, Dictionary<string, TensorData> known)
    {
        var tensors = ImmutableDictionary.CreateBuilder<string, TensorData>();
        foreach (var input in _model.Graph.Inputs)
        {
            if (known.TryGetValue(_sources.GetValueOrDefault(input.Name, input.Name), out var tensor))
            {
                tensors[input.Name] = tensor;
            }
        }

        var inputs = new SampleInputs(tensors.ToImmutable()) { Sequences = sample.Sequences };
        Session(inputs).Run(inputs, _outputs, (index, type, shape, bytes) => known[_outputs[index]] = new(type, [.. shape], bytes.ToArray()));
    }

    public void Dispose() => _session?.Dispose();

    /// <summary>Values between nodes often have no declared type; what comes in first has it, and types do not change.</summary>
    private InferenceModel Session(SampleInputs inputs)
    {
        lock (_lock)
        {
            if (_session is null)
            {
                foreach (var input in _model.Graph.Inputs.Where(input => _sources.ContainsKey(input.Name)))
                {
                    input.Declare(inputs[input.Name].Type, default);
                }

                _session = InferenceModel.Load(_model, Optimization.None);
            }

            return _session;
        }
    }
}
