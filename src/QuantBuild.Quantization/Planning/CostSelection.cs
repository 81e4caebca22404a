using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Costs;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Chooses among the units that may be static those of one scope that are, so that the predicted time of kernels and conversions together is the least
/// there is: a minimum cut, with INT8 on one side and everything that takes and returns floats on the other.
/// </summary>
internal sealed class CostSelection
{
    /// <summary>MaxPool on bytes that lie channel by channel takes this many times as long as on floats; behind a convolution they lie otherwise.</summary>
    private const double SlowMaxPool = 10;

    /// <summary>Costs are counted in so many parts of a nanosecond.</summary>
    private const int Fractions = 16;

    /// <summary>
    /// Nanoseconds that each layer in INT8 has to save, of all that is saved. A keyword spotter with 7 of them, of 60 µs, was predicted to save 4 and lost 1 to 4, on
    /// processors with and without VNNI: what is predicted to gain less may as well lose.
    /// </summary>
    private const double Uncertainty = 700;

    private readonly MinimumCut _cut = new();
    private readonly OperatorCosts _costs;
    private readonly Dictionary<Node, QuantizedUnit> _units;
    private readonly Dictionary<QuantizedUnit, int> _nodes = [];
    private readonly Dictionary<Value, QuantizedUnit> _producers = [];

    private CostSelection(OperatorCosts costs, IReadOnlyList<QuantizedUnit> units, Func<QuantizedUnit, double> floatCost)
    {
        _costs = costs;
        _units = units.ToDictionary(unit => unit.Node);
        foreach (var unit in units)
        {
            _nodes[unit] = _cut.AddNode(Whole(costs.Of(unit, UnitForm.Static)!.Value), Whole(floatCost(unit)));
            foreach (var output in unit.Outputs)
            {
                _producers[output] = unit;
            }
        }
    }

    /// <summary>
    /// The units that had better be static, of those given; <paramref name="floatCost"/> is what each takes as the fastest that reads and returns floats. None, and
    /// a reason, where too little is saved in all.
    /// </summary>
    public static (HashSet<Node> Static, string? Doubt) Choose(OperatorCosts costs, IReadOnlyList<QuantizedUnit> units, Func<QuantizedUnit, double> floatCost)
    {
        var selection = new CostSelection(costs, units, floatCost);
        foreach (var value in units.SelectMany(unit => unit.Inputs.Concat(unit.Outputs)).Where(value => !value.HasConstant).Distinct())
        {
            selection.AddConversions(value);
        }

        foreach (var unit in units.Where(unit => unit.IsMoving))
        {
            selection.Bind(unit);
        }

        foreach (var join in new LayoutJoins(units, costs).All)
        {
            selection.AddLayouts(join);
        }

        var isStatic = selection._cut.Solve();
        QuantizedUnit[] chosen = [.. units.Where(unit => isStatic(selection._nodes[unit]))];
        var saved = units.Sum(unit => Whole(floatCost(unit))) - selection._cut.Cost;
        // With a surcharge it is not time alone that is saved; what is left is placed once more without
        return costs.Surcharge is null && saved < chosen.Count(unit => unit.Rule.Role == OperatorRole.Linear) * Whole(Uncertainty)
            ? ([], string.Create(CultureInfo.InvariantCulture, $"INT8 is predicted to save {saved / (1000.0 * Fractions):0.0} µs in all, less than such predictions are wrong by"))
            : (BesideComputing(chosen), null);
    }

    /// <summary>Why a unit is not static, from the nanoseconds of its own kernels.</summary>
    public static string Reason(QuantizedUnit unit, double? int8, double? other) => int8 is null || other is null
        ? "nothing is known of its costs"
        : !Computes(unit) && int8 < other ? "it only moves elements, and nothing beside it computes in INT8"
        : string.Create(CultureInfo.InvariantCulture, $"INT8 does not pay here: its kernel is predicted to take {int8 / 1000:0.0} µs, and the conversions around it more, against {other / 1000:0.0} µs in float");

    /// <summary>Bytes are moved faster than floats. That may pay for a Q and a DQ, but not for rounding what would stay float.</summary>
    private static HashSet<Node> BesideComputing(IReadOnlyList<QuantizedUnit> chosen)
    {
        static IEnumerable<Value> Shared(QuantizedUnit unit) => unit.Inputs.Concat(unit.Outputs).Where(value => !value.HasConstant);

        var sharing = chosen.SelectMany(Shared, (unit, value) => (Unit: unit, Value: value)).ToLookup(entry => entry.Value, entry => entry.Unit);
        var (beside, pending) = (new HashSet<Node>(), new Stack<QuantizedUnit>(chosen.Where(Computes)));
        while (pending.TryPop(out var unit))
        {
            if (beside.Add(unit.Node))
            {
                foreach (var neighbour in Shared(unit).SelectMany(value => sharing[value]))
                {
                    pending.Push(neighbour);
                }
            }
        }

        return beside;
    }

    private static bool Computes(QuantizedUnit unit) => unit.Rule.Role is OperatorRole.Linear or OperatorRole.Arithmetic;

    private static long Whole(double nanoseconds) => (long)Math.Round(nanoseconds * Fractions);

    /// <summary>A float value is quantized once for all that read it as INT8; an INT8 one becomes float for each that reads floats.</summary>
    private void AddConversions(Value value)
    {
        var producer = value.Graph == _units.Values.First().Node.Graph ? _producers.GetValueOrDefault(value) : null;
        var uses = value.Consumers.ToLookup(use => _units.TryGetValue(use.Node, out var unit) && unit.Reads(use.Node, use.Index) ? unit : null);
        int[] readers = [.. uses.Where(group => group.Key is not null).Select(group => _nodes[group.Key!])];
        if (readers.Length > 0)
        {
            var quantize = Whole(_costs.Quantize(value));
            var quantized = _cut.AddNode(producer is null ? quantize : 0, 0);
            Array.ForEach(readers, reader => _cut.AddCost(reader, quantized, MinimumCut.Forbidden));
            if (producer is not null)
            {
                _cut.AddCost(quantized, _nodes[producer], quantize);
            }
        }

        if (producer is { Rule.MayReturnFloat: false })
        {
            var dequantize = Whole(_costs.Dequantize(value));
            _cut.AddCostOfFirst(_nodes[producer], dequantize * (uses[null].Count() + (value.IsGraphOutput ? 1 : 0)));
            Array.ForEach(readers, reader => _cut.AddCost(_nodes[producer], reader, dequantize));
        }
    }

    private void AddLayouts(LayoutJoin join)
    {
        if (join.Producer is null)
        {
            _cut.AddCostOfFirst(_nodes[join.Unit], Whole(join.Cost));
        }
        else
        {
            _cut.AddCost(_nodes[join.Unit], _nodes[join.Producer], Whole(join.Cost));
        }
    }

    /// <summary>What ONNX Runtime does with Q and DQ next to operators that only move elements, wherever they are put.</summary>
    private void Bind(QuantizedUnit unit)
    {
        var producer = _producers.GetValueOrDefault(unit.Inputs[0]);
        if (producer is not null && unit.Outputs.Any(output => output.Consumers.Any(use => use.Node.Graph != output.Graph)))
        {
            _cut.AddCost(_nodes[producer], _nodes[unit], MinimumCut.Forbidden);
        }

        if (!unit.Node.Is("MaxPool"))
        {
            return;
        }

        var slow = Whole(SlowMaxPool * _costs.Float(unit)!.Value);
        if (producer is null)
        {
            _cut.AddCostOfFirst(_nodes[unit], slow);
        }
        else
        {
            _cut.AddCost(_nodes[unit], _nodes[producer], slow);
        }

        // A Q behind a float MaxPool is carried in front of it.
        foreach (var use in unit.Output.Consumers)
        {
            if (_units.TryGetValue(use.Node, out var reader) && reader.Reads(use.Node, use.Index))
            {
                _cut.AddCost(_nodes[reader], _nodes[unit], MinimumCut.Forbidden);
            }
        }
    }
}
