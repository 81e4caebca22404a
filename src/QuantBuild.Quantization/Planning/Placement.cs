using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Which nodes become INT8, from the graph alone: all linear ones that may, and between them everything that keeps the
/// activations INT8. Every other node has the reason why it stays float.
/// </summary>
internal sealed class Placement
{
    private const long FirstOpset = 10;
    private readonly Dictionary<Node, QuantizedUnit> _units = [];
    private readonly Dictionary<Node, string> _reasons = [];

    private Placement()
    {
    }

    /// <summary>In the order of the graph.</summary>
    public IEnumerable<QuantizedUnit> Units => _units.Values;

    public IReadOnlyDictionary<Node, string> Reasons => _reasons;

    /// <summary>Everything that may be INT8 is: nothing below opset 10, where ONNX Runtime knows no QuantizeLinear.</summary>
    public static Placement OfAll(Model model, ModelProfile profile) => Of(
        model.Graph, profile, model.Opset >= FirstOpset ? new Dictionary<Node, string>() : model.Graph.Nodes.ToDictionary(node => node, _ => $"opset {model.Opset} has no QuantizeLinear"));

    /// <summary>The placement where the nodes of <paramref name="refused"/> stay float, each for its reason.</summary>
    public static Placement Of(Graph graph, ModelProfile profile, IReadOnlyDictionary<Node, string> refused)
    {
        var placement = new Placement();
        foreach (var node in graph.Nodes)
        {
            placement.Consider(node, profile, refused);
        }

        while (placement.RemoveUnsupported())
        {
        }

        return placement;
    }

    /// <summary>The unit that makes this value as INT8, or null.</summary>
    public QuantizedUnit? ProducerOf(Value value) => Owner(value) is { } unit && IsQuantized(value) ? unit : null;

    /// <summary>True where the value gets a Q and a DQ: an INT8 operator reads it, or cannot but make it.</summary>
    public bool IsQuantized(Value value) =>
        !value.HasConstant && (ReadByUnit(value) || (Owner(value) is { Rule.MayReturnFloat: false } unit && unit.Output == value));

    public bool ReadByUnit(Value value) =>
        value.Consumers.Any(use => _units.TryGetValue(use.Node, out var unit) && unit.Inputs.Contains(value) && unit.Rule.DataInputs(use.Node).Contains(use.Index));

    private static string RefusalOf(Node node, OperatorRule? rule, ModelProfile profile)
    {
        var type = node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}";
        return rule is null ? $"{type} has no INT8 kernel that pays" : rule.Refuse(node, profile) ?? "it does not compute in single precision";
    }

    private void Consider(Node node, ModelProfile profile, IReadOnlyDictionary<Node, string> refused)
    {
        var rule = OperatorRules.Of(node);
        if (refused.TryGetValue(node, out var reason))
        {
            _reasons[node] = reason;
        }
        else if (rule is null || rule.Refuse(node, profile) is not null || !rule.DataInputs(node).All(index => node.Input(index) is { } input && profile.IsFloat(input)))
        {
            _reasons[node] = RefusalOf(node, rule, profile);
        }
        else
        {
            _units[node] = QuantizedUnit.At(node, rule);
        }
    }

    private QuantizedUnit? Owner(Value value) => value.Producer switch
    {
        null => null,
        { } node when _units.TryGetValue(node, out var unit) && unit.Output == value => unit,
        { Inputs: [{ Producer: { } before }, ..] } node when _units.TryGetValue(before, out var unit) && unit.Activation == node => unit,
        _ => null,
    };

    /// <summary>One round; true where something was removed and another round is due.</summary>
    private bool RemoveUnsupported()
    {
        var lonely = _units.Values.Where(unit => unit.Rule.Role != OperatorRole.Linear)
            .Select(unit => (unit.Node, Reason: WhyNot(unit))).Where(entry => entry.Reason is not null).ToArray();
        foreach (var (node, reason) in lonely)
        {
            _units.Remove(node);
            _reasons[node] = reason!;
        }

        return lonely.Length > 0;
    }

    private string? WhyNot(QuantizedUnit unit) =>
        !unit.Inputs.All(input => IsAvailable(input, unit)) ? "not all of its inputs are INT8"
        : !ReadByUnit(unit.Output) ? "nothing behind it is INT8"
        : null;

    /// <summary>Made as INT8, or quantized anyway because a linear operator reads it too, or a constant operand of an addition.</summary>
    private bool IsAvailable(Value value, QuantizedUnit reader) =>
        value.IsConstant
            ? reader.Node.Is("Add") && value.Constant!.Type == ElementType.Float
            : Owner(value) is not null || value.Consumers.Any(use => _units.TryGetValue(use.Node, out var unit) && unit.Rule.Role == OperatorRole.Linear && use.Index == 0);
}
