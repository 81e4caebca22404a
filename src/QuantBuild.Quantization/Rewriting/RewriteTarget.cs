using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>One scope in the copy of a model that a plan is being written into, and the way from the plan's nodes to those of the copy.</summary>
internal sealed class RewriteTarget
{
    private readonly Graph _original;
    private readonly Dictionary<Node, Node> _nodes;

    private RewriteTarget(Model copy, QuantizationPlan plan, Graph original, Graph scope)
    {
        Plan = plan;
        Graph = scope;
        Operands = new(copy, scope);
        _original = original;
        _nodes = original.Nodes.Zip(scope.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    public Graph Graph { get; }

    public QuantizationPlan Plan { get; }

    public QuantizationOperands Operands { get; }

    /// <summary>The quantized tensor of each value that has a Q, by the value's name.</summary>
    public Dictionary<string, Node> Quantizers { get; } = [];

    /// <summary>
    /// The values that are quantized in this scope: its own, and those that it captures. What another scope captures, too, is quantized there again.
    /// </summary>
    public IEnumerable<Value> QuantizedValues => QuantizationPlanner.QuantizedValues(Plan.Placement)
        .Where(value => value.Graph == _original ? Plan.Placement.IsQuantized(value) : value.Consumers.Any(IsReadHere));

    /// <summary>
    /// All scopes of <paramref name="copy"/>, bodies first: there a captured value still has the name that it has in the plan, whatever the scope that
    /// makes it becomes.
    /// </summary>
    public static RewriteTarget[] Scopes(Model model, Model copy, QuantizationPlan plan) =>
        [.. Bodies.Scopes(model.Graph).Zip(Bodies.Scopes(copy.Graph), (original, scope) => new RewriteTarget(copy, plan, original, scope)).Reverse()];

    public IEnumerable<(QuantizedUnit Unit, Node Node)> Units(UnitForm form) =>
        Plan.Units.Where(unit => unit.Form == form && unit.Node.Graph == _original).Select(unit => (unit, _nodes[unit.Node]));

    /// <summary>The places in this scope where static units read a value of the plan.</summary>
    public IEnumerable<Use> ReadersOf(Value original) => original.Consumers.Where(IsReadHere).Select(use => new Use(_nodes[use.Node], use.Index));

    /// <summary>A layer's bias less its correction; null where there is none and none is needed. A layer without a bias gets one to correct.</summary>
    public float[]? CorrectedBias(QuantizedUnit unit)
    {
        var bias = unit.Rule.HasBias ? unit.Node.Input(2)?.Constant?.ToFloats() : null;
        return unit.Rule.HasBias && Plan.BiasCorrections.TryGetValue(unit.Node.Output.Name, out var means)
            ? [.. means.Select((mean, channel) => (float)((bias?[channel] ?? 0) - mean))]
            : bias;
    }

    private bool IsReadHere(Use use) => use.Node.Graph == _original && Plan.Placement.IsReadByUnit(use);
}
