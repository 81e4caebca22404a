using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Costs;

/// <summary>An operator that joins two images, where one of them comes from <paramref name="Producer"/>, or from no unit where that is null.</summary>
/// <param name="Unit">What joins.</param>
/// <param name="Producer">Whose result is an image in the plain layout, if it is not static.</param>
/// <param name="Cost">Nanoseconds, if <paramref name="Unit"/> is static and <paramref name="Producer"/> is not.</param>
internal sealed record LayoutJoin(QuantizedUnit Unit, QuantizedUnit? Producer, double Cost);

/// <summary>
/// Convolutions on integers have their channels last. ONNX Runtime carries the Transposes around them through an operator of two images only where that
/// saves one: both come from such convolutions. Where one was quantized from floats, all along the trunk that begins there each sum stays in the plain
/// layout, with a Transpose in front of it and one behind.
/// </summary>
internal sealed class LayoutJoins
{
    private readonly OperatorCosts _costs;
    private readonly Dictionary<Node, QuantizedUnit> _units;

    /// <param name="units">Those of one scope that may be static.</param>
    /// <param name="costs">Of the target.</param>
    public LayoutJoins(IReadOnlyList<QuantizedUnit> units, OperatorCosts costs)
    {
        _costs = costs;
        _units = units.SelectMany(unit => new[] { unit.Node, unit.Activation }.OfType<Node>(), (unit, node) => (Node: node, Unit: unit)).ToDictionary(entry => entry.Node, entry => entry.Unit);
        All = [.. units.Where(IsJoining).SelectMany(JoinsOf)];
    }

    public ImmutableArray<LayoutJoin> All { get; }

    private IEnumerable<LayoutJoin> JoinsOf(QuantizedUnit unit)
    {
        QuantizedUnit?[] producers = [.. unit.Inputs.Where(input => !input.HasConstant).Select(SourceOf).Distinct()];
        if (producers.Length < 2)
        {
            // Two parts of one image have one layout.
            return [];
        }

        var cost = TrunkFrom(unit).Where(IsJoining).Sum(step => 2 * _costs.Transpose(step.Output));
        return cost > 0 ? producers.Select(producer => new LayoutJoin(unit, producer, cost)) : [];
    }

    /// <summary>A sum and those behind it, with what only moves elements on the way from one to the next.</summary>
    private HashSet<QuantizedUnit> TrunkFrom(QuantizedUnit first)
    {
        var trunk = new HashSet<QuantizedUnit>();
        var pending = new Stack<QuantizedUnit>([first]);
        while (pending.TryPop(out var unit))
        {
            if (trunk.Add(unit))
            {
                foreach (var use in unit.Outputs.SelectMany(output => output.Consumers))
                {
                    if (_units.TryGetValue(use.Node, out var reader) && reader.Reads(use.Node, use.Index) && (reader.IsMoving || IsJoining(reader)))
                    {
                        pending.Push(reader);
                    }
                }
            }
        }

        return trunk;
    }

    /// <summary>Where an image comes from whose elements are only moved on the way; null where that is no unit.</summary>
    private QuantizedUnit? SourceOf(Value value)
    {
        while (value.Producer is { } node && _units.TryGetValue(node, out var unit))
        {
            if (!unit.IsMoving)
            {
                return unit;
            }

            value = unit.Inputs[0];
        }

        return null;
    }

    private static bool IsJoining(QuantizedUnit unit) => unit.Rule.Role == OperatorRole.Arithmetic && unit.Inputs.Count(input => !input.HasConstant) == 2 && !unit.Node.Is("MatMul");
}
