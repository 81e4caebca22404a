using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.ControlFlow;

/// <summary>Some nodes of a main graph as a model of their own, to be run among others.</summary>
internal sealed class GraphSegment : IDisposable
{
    private readonly Model _model;
    private readonly Optimization _optimization;
    private readonly string[] _outputs;
    private readonly Lock _lock = new();
    private InferenceModel? _session;

    /// <param name="whole">The model that the nodes belong to; stays as it is.</param>
    /// <param name="members">The nodes, in an order in which they can run.</param>
    /// <param name="wanted">The names of values that are needed though no other node of the model reads them.</param>
    /// <param name="optimization">How ONNX Runtime runs it.</param>
    public GraphSegment(Model whole, IReadOnlyCollection<Node> members, IReadOnlySet<string> wanted, Optimization optimization)
        : this(whole, members, OutputsOf(members, wanted), optimization)
    {
    }

    private GraphSegment(Model whole, IReadOnlyCollection<Node> members, Value[] outputs, Optimization optimization)
    {
        _optimization = optimization;
        _outputs = [.. outputs.Select(value => value.Name)];
        _model = SegmentModel.Extract(whole, members, outputs);
        Inputs = _model.Graph.Inputs.Select(input => input.Name).ToHashSet();
    }

    /// <summary>The nodes that make some values, and nothing else of what they make.</summary>
    public static GraphSegment Making(Model whole, IReadOnlyCollection<Node> members, IReadOnlyCollection<Value> outputs, Optimization optimization) => new(whole, members, [.. outputs], optimization);

    /// <summary>The names of the values that it takes in.</summary>
    public IReadOnlySet<string> Inputs { get; }

    /// <summary>The names of the values that others need.</summary>
    public IReadOnlyList<string> Outputs => _outputs;

    /// <summary>Computes the values that others need, out of those known.</summary>
    /// <param name="sample">What is no tensor is taken from it.</param>
    /// <param name="known">Receives the values.</param>
    /// <param name="held">How long they last; null for as long as anyone knows them.</param>
    public void Run(SampleInputs sample, Dictionary<string, TensorData> known, HeldResults? held = null)
    {
        if (_outputs.Length == 0)
        {
            return;
        }

        var tensors = ImmutableDictionary.CreateRange(Inputs.Where(known.ContainsKey).Select(name => KeyValuePair.Create(name, known[name])));
        var inputs = new SampleInputs(tensors) { Sequences = sample.Sequences };
        if (held is not null)
        {
            Session(inputs).Run(inputs, _outputs, held, (index, tensor) => known[_outputs[index]] = tensor);
            return;
        }

        Session(inputs).Run(inputs, _outputs, (index, type, shape, bytes) => known[_outputs[index]] = new(type, [.. shape], Copy(bytes)));
    }

    /// <summary>Gives back what ONNX Runtime holds; another run loads it again.</summary>
    public void Dispose()
    {
        _session?.Dispose();
        _session = null;
    }

    /// <summary>Activations are large and handed on at once: clearing the memory before would take as long as copying does.</summary>
    private static byte[] Copy(ReadOnlySpan<byte> bytes)
    {
        var copy = GC.AllocateUninitializedArray<byte>(bytes.Length);
        bytes.CopyTo(copy);
        return copy;
    }

    private static Value[] OutputsOf(IReadOnlyCollection<Node> members, IReadOnlySet<string> wanted)
    {
        var readers = members.SelectMany(node => node.Subgraphs.SelectMany(body => body.AllNodes).Prepend(node)).ToHashSet();
        return
        [
            .. members.SelectMany(node => node.Outputs).OfType<Value>()
                .Where(value => wanted.Contains(value.Name) || value.Consumers.Any(use => !readers.Contains(use.Node))),
        ];
    }

    /// <summary>Values between nodes often have no declared type; what comes in first has it, and types do not change.</summary>
    private InferenceModel Session(SampleInputs inputs)
    {
        lock (_lock)
        {
            if (_session is null)
            {
                foreach (var input in _model.Graph.Inputs)
                {
                    if (inputs.Tensors.TryGetValue(input.Name, out var tensor))
                    {
                        input.Declare(tensor.Type, default);
                    }
                }

                _session = InferenceModel.Load(_model, _optimization);
            }

            return _session;
        }
    }
}
