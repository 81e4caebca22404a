using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>The copy of a model that a plan is being written into, and the way from the plan's nodes to those of the copy.</summary>
internal sealed class RewriteTarget
{
    private readonly Dictionary<Node, Node> _nodes;

    public RewriteTarget(Model model, QuantizationPlan plan)
    {
        Model = model.Clone();
        Plan = plan;
        Operands = new(Model);
        _nodes = model.Graph.Nodes.Zip(Graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    public Model Model { get; }

    public Graph Graph => Model.Graph;

    public QuantizationPlan Plan { get; }

    public QuantizationOperands Operands { get; }

    /// <summary>The quantized tensor of each value that has a Q, by the value's name.</summary>
    public Dictionary<string, Node> Quantizers { get; } = [];

    public IEnumerable<(QuantizedUnit Unit, Node Node)> Units(UnitForm form) =>
        Plan.Units.Where(unit => unit.Form == form).Select(unit => (unit, Of(unit.Node)));

    public Node Of(Node original) => _nodes[original];

    /// <summary>A layer's bias less its correction; null where there is none and none is needed. A layer without a bias gets one to correct.</summary>
    public float[]? CorrectedBias(QuantizedUnit unit)
    {
        var bias = unit.Rule.HasBias ? unit.Node.Input(2)?.Constant?.ToFloats() : null;
        return unit.Rule.HasBias && Plan.BiasCorrections.TryGetValue(unit.Node.Output.Name, out var means)
            ? [.. means.Select((mean, channel) => (float)((bias?[channel] ?? 0) - mean))]
            : bias;
    }
}
