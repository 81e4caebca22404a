using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Costs;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Which nodes are quantized and in which form, from the graph and its shapes alone: where costs are known what is predicted to be the fastest, elsewhere
/// all with constant weights that may be and, in the static forms, between them everything that keeps the activations INT8. Every other node has the
/// reason why it stays float.
/// </summary>
internal sealed class Placement
{
    /// <summary>QuantizeLinear and its like came with opset 10, DynamicQuantizeLinear with 11.</summary>
    private const long FirstOpset = 10;

    /// <summary>A form that takes so many times what float takes counts as no slower.</summary>
    internal const double AsFast = 1.05;

    private readonly OrderedDictionary<Node, QuantizedUnit> _units = [];
    private readonly Dictionary<Node, string> _reasons = [];
    private readonly OperatorContext _context;

    private Placement(OperatorContext context) => _context = context;

    /// <summary>In the order of the graph.</summary>
    public IEnumerable<QuantizedUnit> Units => _units.Values;

    public IReadOnlyDictionary<Node, string> Reasons => _reasons;

    /// <summary>Everything that had better be quantized is: nothing below the opset in which ONNX got the operators for it.</summary>
    public static Placement OfAll(Model model, OperatorContext context)
    {
        var first = context.Form.Format == ModelFormat.Dynamic ? FirstOpset + 1 : FirstOpset;
        return Of(model.Graph, context, model.Opset >= first
            ? FormRefusals.None
            : FormRefusals.None.With(Bodies.Nodes(model.Graph), Enum.GetValues<UnitForm>(), $"opset {model.Opset} has no operators for quantized tensors"));
    }

    /// <summary>The placement where some nodes are not to have some forms.</summary>
    public static Placement Of(Graph graph, OperatorContext context, FormRefusals refused)
    {
        var placement = new Placement(context);
        foreach (var scope in Bodies.Scopes(graph))
        {
            var candidates = scope.Nodes.Select(node => placement.CandidateOf(node, refused)).ToArray();
            if (context.Costs is { } costs)
            {
                placement.Choose(costs, [.. candidates.OfType<Candidate>()]);
            }
            else
            {
                foreach (var candidate in candidates.OfType<Candidate>())
                {
                    placement.Add(candidate, candidate.Forms[0]);
                }
            }
        }

        while (context.Costs is null && placement.RemoveUnsupported())
        {
        }

        return placement;
    }

    /// <summary>Exactly these forms, by the names of operators' first outputs, as far as the operators may have them.</summary>
    public static Placement Locked(Graph graph, OperatorContext context, IReadOnlyDictionary<string, UnitForm> forms, string reason = "the lock file keeps it float")
    {
        var placement = new Placement(context);
        foreach (var node in Bodies.Scopes(graph).SelectMany(scope => scope.Nodes))
        {
            if (placement.CandidateOf(node, FormRefusals.None) is not { } candidate)
            {
                continue;
            }

            if (forms.TryGetValue(ModelLock.NameOf(node), out var form) && candidate.Forms.Contains(form))
            {
                placement.Add(candidate, form);
            }
            else
            {
                placement._reasons[node] = reason;
            }
        }

        return placement;
    }

    /// <summary>The same with some units float.</summary>
    public Placement Without(IReadOnlyDictionary<Node, string> refused)
    {
        var placement = new Placement(_context);
        foreach (var (node, unit) in _units.Where(entry => !refused.ContainsKey(entry.Key)))
        {
            placement._units[node] = unit;
        }

        foreach (var (node, reason) in _reasons.Concat(refused))
        {
            placement._reasons[node] = reason;
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

    /// <summary>The forms that a node may have, the first the one that is wanted where nothing is known of costs.</summary>
    private ImmutableArray<UnitForm> FormsOf(OperatorRule rule) => (rule.Role, _context.Form.Format) switch
    {
        (OperatorRole.Embedding, _) or (_, ModelFormat.WeightOnly) => [UnitForm.WeightOnly],
        (OperatorRole.Recurrent, _) or (_, ModelFormat.Dynamic) => [UnitForm.Dynamic],
        (OperatorRole.Linear, ModelFormat.Auto) when rule.MayReturnFloat => [UnitForm.Static, UnitForm.Dynamic, UnitForm.WeightOnly],
        _ => [UnitForm.Static],
    };

    private Candidate? CandidateOf(Node node, FormRefusals refused)
    {
        if (Refusal(node) is { } reason)
        {
            _reasons[node] = reason;
            return null;
        }

        var rule = OperatorRules.Of(node)!;
        var forms = FormsOf(rule);
        var left = forms.RemoveAll(form => refused.ReasonFor(node, form) is not null);
        if (left.IsEmpty)
        {
            _reasons[node] = refused.ReasonFor(node, forms[^1])!;
            return null;
        }

        return new(node, rule, left);
    }

    private void Add(Candidate candidate, UnitForm form) => _units[candidate.Node] = UnitOf(candidate, form);

    private QuantizedUnit UnitOf(Candidate candidate, UnitForm form) =>
        QuantizedUnit.At(candidate.Node, candidate.Rule, form, form == UnitForm.Static && MayTakeActivations);

    /// <summary>Takes the forms that together are predicted to be the fastest.</summary>
    private void Choose(OperatorCosts costs, Candidate[] candidates)
    {
        var units = candidates.Where(candidate => candidate.Forms[0] == UnitForm.Static).Select(candidate => UnitOf(candidate, UnitForm.Static))
            .Where(unit => costs.Of(unit, UnitForm.Static) is not null && costs.Float(unit) is not null).ToArray();
        var alternatives = candidates.ToDictionary(candidate => candidate.Node, candidate => Alternative(costs, candidate, candidate.Forms));
        var (chosen, doubt) = CostSelection.Choose(costs, units, unit => alternatives[unit.Node].Cost!.Value);
        foreach (var candidate in candidates)
        {
            var (form, cost) = chosen.Contains(candidate.Node) ? (UnitForm.Static, null)
                : ReadsInt8(candidate.Node, chosen) ? Alternative(costs, candidate, candidate.Forms.Remove(UnitForm.WeightOnly))
                : alternatives[candidate.Node];
            if (form is { } given)
            {
                Add(candidate, given);
            }
            else
            {
                var unit = UnitOf(candidate, UnitForm.Static);
                _reasons[candidate.Node] = doubt is not null && candidate.Forms[0] == UnitForm.Static ? doubt : CostSelection.Reason(unit, costs.Of(unit, candidate.Forms[0]), cost);
            }
        }
    }

    /// <summary>ONNX Runtime carries a DQ through what only moves elements; a product that it reaches is not fused with integer weights alone.</summary>
    private static bool ReadsInt8(Node node, IReadOnlySet<Node> chosen) =>
        node.Input(0)?.Producer is { } producer && (chosen.Contains(producer)
            || (OperatorRules.Of(producer) is { Role: OperatorRole.Moving } && ReadsInt8(producer, chosen))
            || (producer.Input(0)?.Producer is { } before && chosen.Contains(before) && (producer.Is("Relu") || producer.Is("Clip"))));

    /// <summary>The fastest form that takes and returns floats: no form at all where float is clearly faster, for the others make the file smaller.</summary>
    private (UnitForm? Form, double? Cost) Alternative(OperatorCosts costs, Candidate candidate, ImmutableArray<UnitForm> forms)
    {
        var unit = UnitOf(candidate, UnitForm.Static);
        (UnitForm? Form, double? Cost) best = (null, costs.Float(unit));
        foreach (var form in forms.Where(form => form != UnitForm.Static))
        {
            var cost = costs.Of(unit, form);
            if (cost is null || best.Cost is null || cost < (best.Form is null ? best.Cost * AsFast : best.Cost))
            {
                // What has one form only and no row in the table was looked at by its rule.
                best = cost is null && candidate.Forms.Length > 1 ? best : (form, cost);
            }
        }

        return best;
    }

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
            ?? (LosesMatter(rule) ? rule.Loses(node) : null)
            ?? (rule.DataInputs(node).All(index => node.Input(index) is { } input && _context.Profile.IsFloat(input)) ? null : "it does not compute in single precision");
    }

    /// <summary>Costs say it better, but for what has none.</summary>
    private bool LosesMatter(OperatorRule rule) =>
        _context.Form.IsStatic && _context.Form.Target != TargetName.Portable && (_context.Costs is null || rule.Role == OperatorRole.Recurrent);

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

    /// <summary>A node that may be quantized, and how.</summary>
    private sealed record Candidate(Node Node, OperatorRule Rule, ImmutableArray<UnitForm> Forms);
}
