using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;

namespace QuantBuild.Quantization.Planning;

/// <summary>
/// A copy of the float model in which each unit runs a second time beside it, on its float inputs after Q and DQ and with its quantized weights. All in
/// float arithmetic, so that what is measured is the same on every machine.
/// </summary>
internal sealed class UnitShadows
{
    private readonly QuantizationPlan _plan;
    private readonly Dictionary<Graph, QuantizationOperands> _operands;
    private readonly Dictionary<(Graph, string, UnitForm), Value> _rounded = [];
    private readonly IReadOnlyDictionary<string, TensorData>? _restoring;
    private readonly List<UnitShadow> _shadows = [];

    /// <param name="model">The float model.</param>
    /// <param name="plan">Its units.</param>
    /// <param name="restoring">Null for what units hand out as it is quantized. Otherwise outputs are not, and those with this name are multiplied before they are compared.</param>
    public UnitShadows(Model model, QuantizationPlan plan, IReadOnlyDictionary<string, TensorData>? restoring = null)
    {
        Model = model.Clone();
        (_plan, _restoring) = (plan, restoring);
        _operands = Bodies.Scopes(Model.Graph).ToDictionary(graph => graph, graph => new QuantizationOperands(Model, graph));
        var nodes = Bodies.Nodes(model.Graph).Zip(Bodies.Nodes(Model.Graph)).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var unit in plan.Units.Where(unit => !unit.IsMoving && unit.Rule.Role != OperatorRole.Joining))
        {
            _shadows.Add(AddShadow(unit, nodes));
        }

        foreach (var graph in _operands.Keys)
        {
            TopologicalOrder.Restore(graph);
        }
    }

    /// <summary>The same with the rounded outputs taking the place of the exact ones: all units quantized, each beside its float node on the same inputs.</summary>
    public static UnitShadows Chain(Model model, QuantizationPlan plan)
    {
        var shadows = new UnitShadows(model, plan);
        foreach (var shadow in shadows._shadows)
        {
            var graph = shadow.Exact.Graph;
            foreach (var use in shadow.Exact.Consumers.Where(use => use.Node != shadow.Error.Producer && use.Node != shadow.ProductError?.Producer).ToArray())
            {
                use.Node.SetInput(use.Index, shadow.Rounded);
            }

            if (shadow.Exact.IsGraphOutput)
            {
                graph.SetOutputs(graph.Outputs.Select(output => output == shadow.Exact ? shadow.Rounded : output));
            }
        }

        foreach (var graph in shadows._operands.Keys)
        {
            TopologicalOrder.Restore(graph);
        }

        return shadows;
    }

    public Model Model { get; }

    /// <summary>Of all units that compute.</summary>
    public IReadOnlyList<UnitShadow> All => _shadows;

    private UnitShadow AddShadow(QuantizedUnit unit, Dictionary<Node, Node> nodes)
    {
        var node = nodes[unit.Node];
        var position = unit.Node.Outputs.ToList().IndexOf(unit.Activation is null ? unit.Output : unit.Node.Output);
        var product = Copy(node, ShadowInputs(unit, node), position);
        var productError = unit.HasBias ? node.Graph.AddNode("Sub", [product, node.Outputs[position]], product.Name + "_product_error").Output : null;
        var output = unit.Activation is { } activation ? Copy(nodes[activation], [product, .. nodes[activation].Inputs.Skip(1)], 0) : product;
        var exact = node.Graph.Find(unit.Output.Name)!;
        var rounded = _restoring is null && unit.Form == UnitForm.Static && _plan.Activations.TryGetValue(unit.Output.Name, out var own) ? Round(node.Graph, output, own) : output;
        var error = node.Graph.AddNode("Sub", [rounded, exact], exact.Name + "_error").Output;
        if (_restoring?.GetValueOrDefault(exact.Name) is { } factors)
        {
            error = node.Graph.AddNode("Mul", [error, node.Graph.AddInitializer(error.Name + "_factors", factors)], error.Name + "_restored").Output;
        }

        return new(unit, exact, product, rounded, error) { ProductError = productError };
    }

    /// <summary>The unit's inputs as its form rounds them.</summary>
    private Value?[] ShadowInputs(QuantizedUnit unit, Node node)
    {
        var inputs = node.Inputs.ToArray();
        foreach (var index in unit.Rule.DataInputs(unit.Node).Where(index => !inputs[index]!.HasConstant))
        {
            inputs[index] = unit.Form switch
            {
                UnitForm.Static => Rounded(node.Graph, inputs[index]!.Name, unit.Form, value => Round(node.Graph, value, _plan.Activations[value.Name])),
                UnitForm.Dynamic => Rounded(node.Graph, inputs[index]!.Name, unit.Form, value => RoundDynamically(node.Graph, value, _plan.SmoothingOf(unit))),
                _ => inputs[index],
            };
        }

        int[] weights = unit.Rule.ChannelAxis is null ? [] : unit.Rule.Role == OperatorRole.Recurrent ? [1, 2] : [unit.Rule.WeightInput];
        foreach (var index in weights)
        {
            inputs[index] = node.Graph.AddInitializer(inputs[index]!.Name + "_shadow", RoundedWeights(unit, inputs[index]!.Constant!));
        }

        return inputs;
    }

    /// <summary>The floats that a unit's quantized weights stand for, in the shape that they had.</summary>
    private TensorData RoundedWeights(QuantizedUnit unit, TensorData given) => (unit.Rule.Role == OperatorRole.Recurrent
        ? UnitWeights.RoundRecurrent(given, _plan.Form.Weights)
        : WeightQuantization.Dequantize(_plan.QuantizedWeightsOf(unit))).Reshape(given.Dimensions);

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
    private Value Rounded(Graph graph, string name, UnitForm form, Func<Value, Value> round)
    {
        if (!_rounded.TryGetValue((graph, name, form), out var rounded))
        {
            rounded = round(graph.Find(name)!);
            _rounded[(graph, name, form)] = rounded;
        }

        return rounded;
    }

    private static Value RoundDynamically(Graph graph, Value value, SmoothingScales? smoothing)
    {
        if (smoothing is not null)
        {
            value = graph.AddNode("Mul", [value, graph.AddInitializer(value.Name + "_factors", smoothing.Inverse)], value.Name + "_smooth").Output;
        }

        var (quantized, scale, zeroPoint) = (graph.AddValue(value.Name + "_bytes"), graph.AddValue(value.Name + "_bytes_scale"), graph.AddValue(value.Name + "_bytes_zero_point"));
        graph.AddNode("DynamicQuantizeLinear", [value], [quantized, scale, zeroPoint]);
        return graph.AddNode("DequantizeLinear", [quantized, scale, zeroPoint], value.Name + "_dynamic").Output;
    }

    private Value Round(Graph graph, Value value, QuantizationParameters parameters) =>
        _operands[graph].Dequantize(_operands[graph].Quantize(value, parameters, value.Name).Output, parameters, value.Name).Output;
}

/// <summary>What a unit makes in float and what it makes as its shadow, values of the copy.</summary>
/// <param name="Unit">The unit of the plan.</param>
/// <param name="Exact">Its output in float.</param>
/// <param name="Product">What the shadow makes before the activation.</param>
/// <param name="Rounded">Its output as it is quantized.</param>
/// <param name="Error">The difference of both.</param>
internal sealed record UnitShadow(QuantizedUnit Unit, Value Exact, Value Product, Value Rounded, Value Error)
{
    /// <summary>The error before the activation, for a unit whose bias can make up for its mean.</summary>
    public Value? ProductError { get; init; }
}
