using System.Collections.Immutable;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// Measures every unit's own error in one pass: beside the float model, each unit runs a second time on its float inputs after Q and DQ, with its
/// quantized weights. All in float arithmetic, so that the figures are those of every machine.
/// </summary>
internal sealed class UnitErrorMeter
{
    private readonly Model _model;
    private readonly QuantizationPlan _plan;
    private readonly Dictionary<Graph, QuantizationOperands> _operands;
    private readonly Dictionary<(Graph, string), Value> _rounded = [];
    private readonly List<Shadow> _shadows = [];

    private UnitErrorMeter(Model model, QuantizationPlan plan)
    {
        _model = model.Clone();
        _plan = plan;
        _operands = Bodies.Scopes(_model.Graph).ToDictionary(graph => graph, graph => new QuantizationOperands(_model, graph));
        var nodes = Bodies.Nodes(model.Graph).Zip(Bodies.Nodes(_model.Graph)).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var unit in plan.Units.Where(unit => !unit.IsMoving && unit.Rule.Role != OperatorRole.Joining))
        {
            _shadows.Add(AddShadow(unit, nodes));
        }

        foreach (var graph in _operands.Keys)
        {
            TopologicalOrder.Restore(graph);
        }
    }

    public static ImmutableDictionary<QuantizedUnit, UnitError> Measure(Model model, QuantizationPlan plan, SampleRun samples)
    {
        var meter = new UnitErrorMeter(model, plan);
        return meter._shadows.Count == 0 ? ImmutableDictionary<QuantizedUnit, UnitError>.Empty : meter.Measure(samples);
    }

    private ImmutableDictionary<QuantizedUnit, UnitError> Measure(SampleRun samples)
    {
        Value[] values = [.. _shadows.SelectMany(shadow => new[] { shadow.Product, shadow.ProductError, shadow.Error }).Distinct()];
        var positions = values.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var totals = new Total[samples.Count, _shadows.Count];
        using var session = new ScopedModel(_model, values);
        samples.ForEach("Measuring layers", (sampleIndex, sample) =>
        {
            var sums = new ChannelSums[values.Length];
            session.Run(sample.Inputs, (index, _, shape, bytes) => sums[index] += ChannelSums.Of(MemoryMarshal.Cast<byte, float>(bytes), shape));
            foreach (var (index, shadow) in _shadows.Index())
            {
                totals[sampleIndex, index] = new(
                    sums[positions[shadow.Product]].Squares, sums[positions[shadow.Error]].Squares, sums[positions[shadow.ProductError]].Means);
            }
        });
        return _shadows.Index().ToImmutableDictionary(entry => entry.Item.Unit, entry => Sum(totals, entry.Index));
    }

    /// <summary>Added up in the order of the samples that came to the unit, whichever thread was first.</summary>
    private static UnitError Sum(Total[,] totals, int shadow)
    {
        var entered = Enumerable.Range(0, totals.GetLength(0)).Select(sample => totals[sample, shadow]).Where(total => !total.Means.IsDefault).ToArray();
        var means = entered.Length == 0 ? [] : entered.Select(total => total.Means)
            .Aggregate((sum, next) => sum.Length == next.Length ? [.. sum.Zip(next, (one, other) => one + other)] : []);
        return new(entered.Sum(total => total.Signal), entered.Sum(total => total.Noise), [.. means.Select(mean => mean / entered.Length)]);
    }

    private Shadow AddShadow(QuantizedUnit unit, Dictionary<Node, Node> nodes)
    {
        var node = nodes[unit.Node];
        var position = unit.Node.Outputs.ToList().IndexOf(unit.Activation is null ? unit.Output : unit.Node.Output);
        var product = Copy(node, ShadowInputs(unit, node), position);
        var productError = node.Graph.AddNode("Sub", [product, node.Outputs[position]], product.Name + "_product_error").Output;
        var output = unit.Activation is { } activation ? Copy(nodes[activation], [product, .. nodes[activation].Inputs.Skip(1)], 0) : product;
        var exact = node.Graph.Find(unit.Output.Name)!;
        var rounded = unit.Form == UnitForm.Static && _plan.Activations.TryGetValue(unit.Output.Name, out var own) ? Round(node.Graph, output, own) : output;
        var error = node.Graph.AddNode("Sub", [rounded, exact], exact.Name + "_error").Output;
        return new(unit, exact, productError, error);
    }

    /// <summary>The unit's inputs as its form rounds them.</summary>
    private Value?[] ShadowInputs(QuantizedUnit unit, Node node)
    {
        var inputs = node.Inputs.ToArray();
        foreach (var index in unit.Rule.DataInputs(unit.Node).Where(index => !inputs[index]!.HasConstant))
        {
            inputs[index] = unit.Form switch
            {
                UnitForm.Static => Rounded(node.Graph, inputs[index]!.Name, value => Round(node.Graph, value, _plan.Activations[value.Name])),
                UnitForm.Dynamic => Rounded(node.Graph, inputs[index]!.Name, value => RoundDynamically(node.Graph, value)),
                _ => inputs[index],
            };
        }

        int[] weights = unit.Rule.ChannelAxis is null ? [] : unit.Rule.Role == OperatorRole.Recurrent ? [1, 2] : [unit.Rule.WeightInput];
        foreach (var index in weights)
        {
            inputs[index] = node.Graph.AddInitializer(inputs[index]!.Name + "_shadow", UnitWeights.Rounded(unit, inputs[index]!.Constant!, _plan.Form.Weights));
        }

        return inputs;
    }

    /// <summary>Returns output number <paramref name="position"/> of the copy.</summary>
    private static Value Copy(Node node, IEnumerable<Value?> inputs, int position)
    {
        var outputs = node.Outputs.Select(output => output is null ? null : node.Graph.AddValue(output.Name + "_shadow")).ToArray();
        var copy = node.Graph.AddNode(node.OpType, inputs, outputs, null, node.Domain);
        foreach (var attribute in node.Attributes.Values)
        {
            copy.Set(attribute);
        }

        return outputs[position]!;
    }

    /// <summary>What is captured is rounded in each scope that reads it.</summary>
    private Value Rounded(Graph graph, string name, Func<Value, Value> round)
    {
        if (!_rounded.TryGetValue((graph, name), out var rounded))
        {
            rounded = round(graph.Find(name)!);
            _rounded[(graph, name)] = rounded;
        }

        return rounded;
    }

    private static Value RoundDynamically(Graph graph, Value value)
    {
        var (quantized, scale, zeroPoint) = (graph.AddValue(value.Name + "_bytes"), graph.AddValue(value.Name + "_bytes_scale"), graph.AddValue(value.Name + "_bytes_zero_point"));
        graph.AddNode("DynamicQuantizeLinear", [value], [quantized, scale, zeroPoint]);
        return graph.AddNode("DequantizeLinear", [quantized, scale, zeroPoint], value.Name + "_dynamic").Output;
    }

    private Value Round(Graph graph, Value value, QuantizationParameters parameters) =>
        _operands[graph].Dequantize(_operands[graph].Quantize(value, parameters, value.Name).Output, parameters, value.Name).Output;

    private sealed record Shadow(QuantizedUnit Unit, Value Product, Value ProductError, Value Error);

    private readonly record struct Total(double Signal, double Noise, ImmutableArray<double> Means);
}
