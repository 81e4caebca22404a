using System.Collections.Immutable;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
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
    private readonly Graph _graph;
    private readonly QuantizationPlan _plan;
    private readonly QuantizationOperands _operands;
    private readonly Dictionary<string, Value> _rounded = [];
    private readonly List<Shadow> _shadows = [];

    private UnitErrorMeter(Model model, QuantizationPlan plan)
    {
        _model = model.Clone();
        _graph = _model.Graph;
        _plan = plan;
        _operands = new(_model);
        var nodes = model.Graph.Nodes.Zip(_graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
        foreach (var unit in plan.Units.Where(unit => unit.Rule.Role is OperatorRole.Linear or OperatorRole.Arithmetic))
        {
            _shadows.Add(AddShadow(unit, nodes));
        }

        _graph.SetOutputs(_shadows.SelectMany(shadow => new[] { shadow.Product, shadow.ProductError, shadow.Error }).Distinct());
        TopologicalOrder.Restore(_graph);
        Passes.RemoveUnused.Prune(_graph);
    }

    public static ImmutableDictionary<QuantizedUnit, UnitError> Measure(Model model, QuantizationPlan plan, SampleRun samples)
    {
        var meter = new UnitErrorMeter(model, plan);
        return meter._shadows.Count == 0 ? ImmutableDictionary<QuantizedUnit, UnitError>.Empty : meter.Measure(samples);
    }

    private ImmutableDictionary<QuantizedUnit, UnitError> Measure(SampleRun samples)
    {
        var names = _graph.Outputs.Select(output => output.Name).ToArray();
        var positions = names.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var totals = new Total[samples.Count, _shadows.Count];
        using var session = InferenceModel.Load(_model, Optimization.None);
        samples.ForEach("Measuring layers", (sampleIndex, sample) =>
        {
            var sums = new (double Squares, double[] Means)[names.Length];
            session.Run(sample.Inputs, names, (index, _, shape, bytes) => sums[index] = Sums(MemoryMarshal.Cast<byte, float>(bytes), shape));
            foreach (var (index, shadow) in _shadows.Index())
            {
                totals[sampleIndex, index] = new(
                    sums[positions[shadow.Product.Name]].Squares, sums[positions[shadow.Error.Name]].Squares, sums[positions[shadow.ProductError.Name]].Means);
            }
        });
        return _shadows.Index().ToImmutableDictionary(entry => entry.Item.Unit, entry => Sum(totals, entry.Index));
    }

    /// <summary>Added up in the order of the samples, whichever thread was first.</summary>
    private static UnitError Sum(Total[,] totals, int shadow)
    {
        var (signal, noise, samples) = (0.0, 0.0, totals.GetLength(0));
        var means = new double[totals[0, shadow].Means.Length];
        for (var sample = 0; sample < samples; sample++)
        {
            signal += totals[sample, shadow].Signal;
            noise += totals[sample, shadow].Noise;
            foreach (var (channel, mean) in totals[sample, shadow].Means.Index())
            {
                means[channel] += mean / samples;
            }
        }

        return new(signal, noise, [.. means]);
    }

    private static (double Squares, double[] Means) Sums(ReadOnlySpan<float> elements, ReadOnlySpan<long> shape)
    {
        // Axis 1 of an image, the last axis of a matrix or of a sequence of vectors.
        var axis = shape.Length >= 4 || shape.Length == 2 ? 1 : Math.Max(shape.Length - 1, 0);
        var channels = shape.Length == 0 ? 1 : (int)shape[axis];
        var inner = 1;
        foreach (var length in shape.Length == 0 ? [] : shape[(axis + 1)..])
        {
            inner *= (int)length;
        }

        var (squares, means) = (0.0, new double[channels]);
        for (var start = 0; start < elements.Length; start += inner)
        {
            var row = elements.Slice(start, inner);
            squares += TensorPrimitives.SumOfSquares(row);
            means[start / inner % channels] += TensorPrimitives.Sum(row);
        }

        var count = Math.Max(elements.Length / Math.Max(channels, 1), 1);
        return (squares, [.. means.Select(sum => sum / count)]);
    }

    private Shadow AddShadow(QuantizedUnit unit, Dictionary<Node, Node> nodes)
    {
        var node = nodes[unit.Node];
        var inputs = node.Inputs.ToArray();
        foreach (var index in unit.Rule.DataInputs(unit.Node))
        {
            inputs[index] = inputs[index]!.HasConstant ? inputs[index] : Rounded(inputs[index]!.Name);
        }

        if (unit.Rule.ChannelAxis is { } axisOf)
        {
            var weights = inputs[1]!.Constant!;
            var (quantized, parameters) = WeightQuantization.Quantize(weights, axisOf(node), []);
            inputs[1] = _graph.AddInitializer(inputs[1]!.Name + "_shadow", WeightQuantization.Dequantize(quantized, parameters));
        }

        var product = Copy(node, inputs).Output;
        var productError = _graph.AddNode("Sub", [product, node.Output], node.Output.Name + "_product_error").Output;
        var output = unit.Activation is { } activation ? Copy(nodes[activation], [product, .. nodes[activation].Inputs.Skip(1)]).Output : product;
        var exact = _graph.Find(unit.Output.Name)!;
        var rounded = _plan.Activations.TryGetValue(unit.Output.Name, out var own) ? Round(output, own) : output;
        var error = _graph.AddNode("Sub", [rounded, exact], exact.Name + "_error").Output;
        return new(unit, exact, productError, error);
    }

    private Node Copy(Node node, IEnumerable<Value?> inputs)
    {
        var copy = _graph.AddNode(node.OpType, inputs, node.Output.Name + "_shadow");
        foreach (var attribute in node.Attributes.Values)
        {
            copy.Set(attribute);
        }

        return copy;
    }

    private Value Rounded(string name)
    {
        if (!_rounded.TryGetValue(name, out var rounded))
        {
            rounded = Round(_graph.Find(name)!, _plan.Activations[name]);
            _rounded[name] = rounded;
        }

        return rounded;
    }

    private Value Round(Value value, QuantizationParameters parameters) =>
        _operands.Dequantize(_operands.Quantize(value, parameters, value.Name).Output, parameters, value.Name).Output;

    private sealed record Shadow(QuantizedUnit Unit, Value Product, Value ProductError, Value Error);

    private readonly record struct Total(double Signal, double Noise, double[] Means);
}
