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
    private readonly string[] _outputs;
    private readonly Dictionary<string, TensorData> _constants;

    /// <param name="model">Its nodes in an order in which they can run; it stays as it is.</param>
    /// <param name="ends">Nodes of the main graph.</param>
    public SegmentedModel(Model model, IReadOnlySet<Node> ends)
    {
        _outputs = [.. model.Graph.Outputs.Select(output => output.Name)];
        _constants = model.Graph.Outputs.Where(output => output.IsConstant).ToDictionary(output => output.Name, output => output.Constant!);
        var wanted = _outputs.ToHashSet();
        var segments = ImmutableArray.CreateBuilder<GraphSegment>();
        var members = new List<Node>();
        foreach (var node in model.Graph.Nodes)
        {
            members.Add(node);
            if (ends.Contains(node) || node == model.Graph.Nodes[^1])
            {
                segments.Add(new(model, members, wanted, Optimization.Float));
                members = [];
            }
        }

        _segments = segments.ToImmutable();
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
        foreach (var segment in _segments.Where(segment => segment.Inputs.Overlaps(changed)))
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
        foreach (var segment in _segments)
        {
            segment.Dispose();
        }
    }
}
