using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Which nodes are quantized, from the graph alone: all with constant weights that may be, and in the static forms between them everything that keeps
/// the activations INT8. Every other node has the reason why it stays float.
/// </summary>
internal sealed class Placement
{
    /// <summary>QuantizeLinear and its like came with opset 10, DynamicQuantizeLinear with 11.</summary>
    private const long FirstOpset = 10;

    private readonly OrderedDictionary<Node, QuantizedUnit> _units = [];
    private readonly Dictionary<Node, string> _reasons = [];
    private readonly OperatorContext _context;

    private Placement(OperatorContext context) => _context = context;

    /// <summary>In the order of the graph.</summary>
    public IEnumerable<QuantizedUnit> Units => _units.Values;

    public IReadOnlyDictionary<Node, string> Reasons => _reasons;

    /// <summary>Everything that may be quantized is: nothing below the opset in which ONNX got the operators for it.</summary>
    public static Placement OfAll(Model model, OperatorContext context)
    {
        var first = context.Form.Format == ModelFormat.Dynamic ? FirstOpset + 1 : FirstOpset;
        return Of(model.Graph, context, model.Opset >= first
            ? new Dictionary<Node, string>()
            : Bodies.Nodes(model.Graph).ToDictionary(node => node, _ => $"opset {model.Opset} has no operators for quantized tensors"));
    }

    /// <summary>The placement where the nodes of <paramref name="refused"/> stay float, each for its reason.</summary>
    public static Placement Of(Graph graph, OperatorContext context, IReadOnlyDictionary<Node, string> refused)
    {
        var placement = new Placement(context);
        foreach (var node in Bodies.Nodes(graph))
        {
            var reason = refused.GetValueOrDefault(node) ?? placement.Refusal(node);
            if (reason is not null)
            {
                placement._reasons[node] = reason;
                continue;
            }

            var form = placement.FormOf(OperatorRules.Of(node)!);
            placement._units[node] = QuantizedUnit.At(node, OperatorRules.Of(node)!, form, form == UnitForm.Static && placement.MayTakeActivations);
        }

        while (placement.RemoveUnsupported())
        {
        }

        return placement;
    }

    /// <summary>The unit that makes this value as INT8, or null.</summary>
    public QuantizedUnit? ProducerOf(Value value) => Owner(value) is { } unit && IsQuantized(value) ? unit : null;

    /// <summary>True where the value gets a Q and a DQ: an INT8 operator reads it, or cannot but make it.</summary>
    public bool IsQuantized(Value value) => !value.HasConstant && (ReadByUnit(value) || (Owner(value) is { } unit && !MayReturnFloat(unit)));

    /// <summary>A body quantizes what it captures itself: Q and DQ fuse with nothing across scopes.</summary>
    public bool ReadByUnit(Value value) => value.Consumers.Any(use => use.Node.Graph == value.Graph && IsReadByUnit(use));

    /// <summary>True where a static unit takes its activation from here.</summary>
    public bool IsReadByUnit(Use use) => _units.TryGetValue(use.Node, out var unit) && unit.Form == UnitForm.Static && unit.Reads(use.Node, use.Index);

    /// <summary>Runtimes for other machines fuse what makes a float, too.</summary>
    private bool MayReturnFloat(QuantizedUnit unit) =>
        unit.Rule.MayReturnFloat || (_context.Form.IsFusedElsewhere && unit.Rule.Role is OperatorRole.Linear or OperatorRole.Arithmetic);

    /// <summary>A zero point at the lower end does what a Relu does; elsewhere only runtimes that fuse the two themselves take both.</summary>
    private bool MayTakeActivations => !_context.Form.Activations.IsSymmetric || _context.Form.IsFusedElsewhere;

    private UnitForm FormOf(OperatorRule rule) => (rule.Role, _context.Form.Format) switch
    {
        (OperatorRole.Embedding, _) or (_, ModelFormat.WeightOnly) => UnitForm.WeightOnly,
        (OperatorRole.Recurrent, _) or (_, ModelFormat.Dynamic) => UnitForm.Dynamic,
        _ => UnitForm.Static,
    };

    private string? Refusal(Node node)
    {
        if (Bodies.Obstacle(node.Graph, _context.Profile) is { } obstacle)
        {
            return obstacle;
        }

        if (OperatorRules.Of(node) is not { } rule)
        {
            return $"{(node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}")} has no INT8 kernel that is known";
        }

        return rule.Refuse(node, _context)
            ?? (rule.Role == OperatorRole.Float ? "it stays float" : null)
            ?? (rule.ChannelAxis is null && !_context.Form.IsStatic ? $"it has no weights, and Format={_context.Form.Format} quantizes nothing else" : null)
            ?? (_context.Form.IsStatic && _context.Form.Target != TargetName.Portable ? rule.Loses(node) : null)
            ?? (rule.DataInputs(node).All(index => node.Input(index) is { } input && _context.Profile.IsFloat(input)) ? null : "it does not compute in single precision");
    }

    private QuantizedUnit? Owner(Value value)
    {
        var unit = value.Producer switch
        {
            null => null,
            { } node when _units.TryGetValue(node, out var direct) && direct.Outputs.Contains(value) => direct,
            { Inputs: [{ Producer: { } before }, ..] } node when _units.TryGetValue(before, out var joined) && joined.Activation == node => joined,
            _ => null,
        };
        return unit is { Form: UnitForm.Static } ? unit : null;
    }

    /// <summary>One round; true where something was removed and another round is due.</summary>
    private bool RemoveUnsupported()
    {
        var lonely = _units.Values.Where(unit => unit.Form == UnitForm.Static && unit.Rule.Role != OperatorRole.Linear)
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
        : !unit.Outputs.Any(ReadByUnit) && !IsMovedIntoBody(unit) ? "nothing behind it is INT8"
        : null;

    /// <summary>
    /// ONNX Runtime carries a DQ through whatever only moves elements, up to the operator that reads it, and 1.31 ends the process where that reads it in
    /// a body: there Q and DQ have to be behind it already.
    /// </summary>
    private static bool IsMovedIntoBody(QuantizedUnit unit) =>
        unit.IsMoving && unit.Outputs.Any(output => output.Consumers.Any(use => use.Node.Graph != output.Graph));

    /// <summary>Made as INT8, or quantized anyway because a linear operator reads it too, or a constant operand.</summary>
    private bool IsAvailable(Value value, QuantizedUnit reader) =>
        value.IsConstant
            ? reader.Rule.TakesConstants && value.Constant!.Type == ElementType.Float
            : (Owner(value) is not null && value.Graph == reader.Node.Graph)
                || value.Consumers.Any(use => use.Node.Graph == reader.Node.Graph && IsReadByUnit(use) && _units[use.Node].Rule.Role == OperatorRole.Linear);
}
