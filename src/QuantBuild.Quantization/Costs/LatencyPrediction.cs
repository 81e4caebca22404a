using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Costs;

/// <summary>How much faster than the prepared float model a placement is predicted to be, by the table of costs: kernels and the conversions between them. What the table does not know counts as nothing.</summary>
internal sealed class LatencyPrediction(Model prepared, OperatorCosts costs)
{
    private readonly Dictionary<Node, double> _floats = Bodies.Nodes(prepared.Graph).ToDictionary(node => node, node => costs.Float(node) ?? 0);

    /// <summary>Null where nothing of the model is in the table.</summary>
    public double? SpeedupOf(Placement placement)
    {
        var (before, after) = (_floats.Values.Sum(), TimeOf(placement));
        return before > 0 && after > 0 ? before / after : null;
    }

    /// <summary>In nanoseconds.</summary>
    public double TimeOf(Placement placement)
    {
        var units = placement.Units.ToArray();
        var replaced = units.SelectMany(unit => new[] { unit.Node, unit.Activation }).OfType<Node>().ToHashSet();
        return _floats.Where(entry => !replaced.Contains(entry.Key)).Sum(entry => entry.Value)
            + units.Sum(unit => costs.Of(unit, unit.Form) ?? costs.Float(unit) ?? 0)
            + QuantizationPlanner.QuantizedValues(placement).Sum(value => Conversions(placement, value))
            + new LayoutJoins([.. units.Where(unit => unit.Form == UnitForm.Static)], costs).All.Where(join => join.Producer is null).Sum(join => join.Cost);
    }

    /// <summary>A float is quantized once for all that read it as INT8; an INT8 value becomes float for each that reads floats.</summary>
    private double Conversions(Placement placement, Value value) => placement.ProducerOf(value) is null
        ? costs.Quantize(value)
        : costs.Dequantize(value) * (value.Consumers.Count(use => !placement.IsReadByUnit(use) && !IsActivationOf(placement, use)) + (value.IsGraphOutput ? 1 : 0));

    private static bool IsActivationOf(Placement placement, Use use) => placement.Units.Any(unit => unit.Activation == use.Node);
}
