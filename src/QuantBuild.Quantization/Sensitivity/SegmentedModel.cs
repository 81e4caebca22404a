using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Layers;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// A model in segments, so that what lies before a change is not computed again: each segment ends behind a node whose output is going to be changed, and
/// after a change only the segments run that it comes to.
/// </summary>
internal sealed class SegmentedModel : IDisposable
{
    private static readonly TensorData Nothing = TensorData.Create<float>([0], []);

    private readonly string[] _outputs;
    private readonly Dictionary<string, TensorData> _constants;

    /// <param name="model">Its nodes in an order in which they can run; it stays as it is.</param>
    /// <param name="ends">Nodes of the main graph.</param>
    /// <param name="groupSize">
    /// How many segments are a group, null for all of them. Behind the group of a change the rest of the model runs as one, in fewer steps, and with other
    /// last bits than in segments; opening the rest costs time for each group, which many samples are worth.
    /// </param>
    /// <param name="besides">Names of values that are to be known though they lie inside of segments.</param>
    /// <param name="optimization">How ONNX Runtime runs the segments.</param>
    public SegmentedModel(
        Model model, IReadOnlySet<Node> ends, int? groupSize = null, IReadOnlySet<string>? besides = null, Optimization optimization = Optimization.Float)
    {
        var compared = OutputScores.Compared(model.Graph);
        _outputs = [.. compared.Select(output => output.Name)];
        _constants = compared.Where(output => output.IsConstant).ToDictionary(output => output.Name, output => output.Constant!);
        var outputs = _outputs.ToHashSet();
        var wanted = outputs.Union(besides ?? ImmutableHashSet<string>.Empty).ToHashSet();
        var divided = Divide(model, ends);
        ImmutableArray<GraphSegment> segments = [.. divided.Select(members => new GraphSegment(model, members, wanted, optimization))];
        var size = Math.Max(groupSize ?? segments.Length, 1);
        Groups = [.. Enumerable.Range(0, Math.Max((segments.Length + size - 1) / size, 1)).Select(Group)];

        SegmentGroup Group(int index)
        {
            var end = Math.Min((index + 1) * size, segments.Length);
            var needed = segments[end..].SelectMany(segment => segment.Inputs).Concat(_outputs).ToHashSet();
            return new(
                segments[(index * size)..end],
                end == segments.Length ? null : () => new(model, [.. divided.Skip(end).SelectMany(members => members)], outputs, optimization),
                needed,
                outputs);
        }
    }

    /// <summary>In the order in which they run.</summary>
    public ImmutableArray<SegmentGroup> Groups { get; }

    /// <summary>What is known of a sample before anything has run.</summary>
    public Dictionary<string, TensorData> Known(SampleInputs inputs) => inputs.Tensors.Concat(_constants).ToDictionary();

    /// <summary>The model's inputs and outputs and all that one segment hands to another. Runs may overlap.</summary>
    public IReadOnlyDictionary<string, TensorData> Run(SampleInputs inputs)
    {
        var known = Known(inputs);
        foreach (var group in Groups)
        {
            group.Run(inputs, known);
        }

        return known;
    }

    /// <summary>
    /// Hands over the outputs, in the order of the graph, of a run that knew everything as far as the end of a group but has another tensor in one place. Their
    /// elements are gone when <paramref name="use"/> returns.
    /// </summary>
    public void Rerun(SampleInputs inputs, IReadOnlyDictionary<string, TensorData> known, string changedName, TensorData changedTensor, Action<TensorData[]> use)
    {
        using var held = new HeldResults();
        var tensors = known.ToDictionary();
        tensors[changedName] = changedTensor;
        (Groups.FirstOrDefault(group => group.Makes(changedName)) ?? Groups[^1]).Rerun(inputs, tensors, changedName, held);
        use(OutputsOf(tensors));
    }

    /// <summary>What is compared of the outputs of a run, in the order of the graph; an empty tensor for those that are sequences or texts, which are not compared.</summary>
    public TensorData[] OutputsOf(IReadOnlyDictionary<string, TensorData> known) => [.. _outputs.Select(name => known.GetValueOrDefault(name) ?? Nothing)];

    public void Dispose()
    {
        foreach (var group in Groups)
        {
            group.Dispose();
        }
    }

    private static List<List<Node>> Divide(Model model, IReadOnlySet<Node> ends)
    {
        var divided = new List<List<Node>> { new() };
        foreach (var node in model.Graph.Nodes)
        {
            divided[^1].Add(node);
            if (ends.Contains(node) && node != model.Graph.Nodes[^1])
            {
                divided.Add([]);
            }
        }

        return divided[0].Count == 0 ? [] : divided;
    }
}
