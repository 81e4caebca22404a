using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// A model in segments, so that what lies before a change is not computed again: each segment ends behind a node whose output is going to be changed, and
/// after a change only the segments run that it comes to.
/// </summary>
internal sealed class SegmentedModel : IDisposable
{
    private static readonly TensorData Nothing = TensorData.Create<float>([0], []);

    private readonly ImmutableArray<GraphSegment> _segments;
    private readonly ImmutableArray<GraphSegment> _groups;
    private readonly int _groupSize;
    private readonly string[] _outputs;
    private readonly Dictionary<string, TensorData> _constants;

    /// <param name="model">Its nodes in an order in which they can run; it stays as it is.</param>
    /// <param name="ends">Nodes of the main graph.</param>
    /// <param name="inGroups">
    /// True for reruns in the fewest steps: behind the change the segments of a group run as one, which ONNX Runtime fuses and lays out better than many, and
    /// with other last bits. The weights are in memory twice.
    /// </param>
    public SegmentedModel(Model model, IReadOnlySet<Node> ends, bool inGroups = false)
    {
        _outputs = [.. model.Graph.Outputs.Select(output => output.Name)];
        _constants = model.Graph.Outputs.Where(output => output.IsConstant).ToDictionary(output => output.Name, output => output.Constant!);
        var wanted = _outputs.ToHashSet();
        var divided = Divide(model, ends);
        _segments = [.. divided.Select(Segment)];
        _groupSize = inGroups ? (int)Math.Ceiling(Math.Sqrt(divided.Count)) : 1;
        _groups = inGroups ? [.. divided.Chunk(_groupSize).Select(group => Segment(group.SelectMany(members => members)))] : _segments;

        GraphSegment Segment(IEnumerable<Node> members) => new(model, [.. members], wanted, Optimization.Float);
    }

    /// <summary>The model's inputs and outputs and all that one segment hands to another. Runs may overlap.</summary>
    public IReadOnlyDictionary<string, TensorData> Run(SampleInputs inputs)
    {
        var known = inputs.Tensors.Concat(_constants).ToDictionary();
        foreach (var segment in _segments)
        {
            segment.Run(inputs, known);
        }

        return known;
    }

    /// <summary>The outputs, in the order of the graph, of a run that knew everything but has another tensor in one place.</summary>
    public TensorData[] Rerun(SampleInputs inputs, IReadOnlyDictionary<string, TensorData> known, string changedName, TensorData changedTensor)
    {
        var changed = new HashSet<string> { changedName };
        var tensors = known.ToDictionary();
        tensors[changedName] = changedTensor;
        foreach (var segment in From(changedName).Where(segment => segment.Inputs.Overlaps(changed)))
        {
            segment.Run(inputs, tensors);
            changed.UnionWith(segment.Outputs);
        }

        return OutputsOf(tensors);
    }

    /// <summary>The outputs of a run, in the order of the graph; an empty tensor for those that are sequences or texts, which are not compared.</summary>
    public TensorData[] OutputsOf(IReadOnlyDictionary<string, TensorData> known) => [.. _outputs.Select(name => known.GetValueOrDefault(name) ?? Nothing)];

    public void Dispose()
    {
        foreach (var segment in _segments.Union(_groups))
        {
            segment.Dispose();
        }
    }

    /// <summary>What runs behind a change: segments up to the end of the group in which it is, then whole groups.</summary>
    private IEnumerable<GraphSegment> From(string changedName)
    {
        var first = _segments.Index().FirstOrDefault(segment => segment.Item.Outputs.Contains(changedName), (Index: -1, Item: null!)).Index + 1;
        var rest = (first + _groupSize - 1) / _groupSize;
        return _segments[first..Math.Min(rest * _groupSize, _segments.Length)].Concat(_groups[rest..]);
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
