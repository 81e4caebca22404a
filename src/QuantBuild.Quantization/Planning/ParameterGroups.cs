using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning;

/// <summary>Values that must have, or had better have, the same scale and zero point.</summary>
internal sealed class ParameterGroups
{
    private readonly Dictionary<Value, Value> _parents = [];
    private readonly Placement _placement;

    public ParameterGroups(Placement placement)
    {
        _placement = placement;
        foreach (var unit in placement.Units)
        {
            foreach (var output in unit.IsMoving ? unit.Outputs : [])
            {
                Join(output, unit.Inputs[0]);
            }
        }

        foreach (var unit in placement.Units.Where(unit => unit.Rule.Role == OperatorRole.Joining))
        {
            JoinInputs(unit);
        }
    }

    public Value Representative(Value value)
    {
        while (_parents.TryGetValue(value, out var parent))
        {
            value = parent;
        }

        return value;
    }

    /// <summary>
    /// The smallest upper end of an activation in the group that made one of its values, null where there is none: a wider range would keep
    /// the Relu or Clip from fusing. What joins values that end differently is no activation's output, and holds what lies beyond any of them.
    /// </summary>
    public float? CeilingOf(Value value) => _placement.ProducerOf(value) switch
    {
        null => null,
        { IsMoving: true } unit => CeilingOf(unit.Inputs[0]),
        { Rule.Role: OperatorRole.Joining } unit => unit.Inputs.Select(CeilingOf).Distinct().ToArray() is [var common] ? common : null,
        var unit => unit.Ceiling,
    };

    /// <summary>
    /// What is only read by the Concat may as well have its range: then nothing is rescaled. Not where some inputs come out of a Relu or Clip
    /// and others do not, for the common range would not begin at 0.
    /// </summary>
    private void JoinInputs(QuantizedUnit unit)
    {
        if (unit.Inputs.Select(CeilingOf).Distinct().Count() == 1)
        {
            foreach (var input in unit.Inputs.Where(input => input.Consumers.All(use => use.Node == unit.Node)))
            {
                Join(input, unit.Output);
            }
        }
    }

    private void Join(Value value, Value other)
    {
        var (first, second) = (Representative(value), Representative(other));
        if (first != second)
        {
            _parents[first] = second;
        }
    }
}
