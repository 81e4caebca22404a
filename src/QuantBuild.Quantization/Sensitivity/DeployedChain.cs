using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Sensitivity;

/// <summary>
/// The quantized model as ONNX Runtime runs it, on integers, so that it can be divided behind the units: what one part hands to another are the integers
/// themselves, and each part has all that a kernel is made of.
/// </summary>
internal sealed class DeployedChain
{
    private const string Quantize = "QuantizeLinear";
    private const string Dequantize = "DequantizeLinear";

    private readonly QuantizationPlan _plan;
    private readonly Graph _beside;

    /// <param name="model">The float model.</param>
    /// <param name="plan">All of its units are quantized.</param>
    public DeployedChain(Model model, QuantizationPlan plan)
    {
        _plan = plan with { Form = plan.Form with { Format = plan.Form.Format == ModelFormat.QOperator ? ModelFormat.Qdq : plan.Form.Format } };
        Model = ModelRewriter.Rewrite(model, _plan);
        var beside = Model.Clone();
        _beside = beside.Graph;
        Exact = new(beside, [.. plan.Units.Where(unit => !unit.IsMoving && unit.Rule.Role != OperatorRole.Joining && unit.Node.Graph.Parent is null).Select(PlaceOf)]);
        TopologicalOrder.Restore(_beside);
        Ends = Exact.Places.Select(place => Model.Graph.Find(place.Name)!.Producer!).ToHashSet();
        foreach (var node in Model.Graph.Nodes.Where(node => node.OpType == Dequantize && !node.Inputs[0]!.HasConstant).ToArray())
        {
            GiveEachReaderItsOwn(node);
        }

        RemoveUnused.Prune(Model.Graph);
    }

    public Model Model { get; }

    /// <summary>Behind these nodes the outputs of units are ready.</summary>
    public IReadOnlySet<Node> Ends { get; }

    /// <summary>What the units make in float of what comes to them in the quantized model.</summary>
    public VariationSource Exact { get; }

    private Place PlaceOf(QuantizedUnit unit)
    {
        var position = unit.Node.Outputs.ToList().IndexOf(unit.Activation is null ? unit.Output : unit.Node.Output);
        var exact = Copy(unit.Node, [.. unit.Node.Inputs.Select(Operand)], position);
        if (unit.Activation is { } activation)
        {
            exact = Copy(activation, [exact, .. activation.Inputs.Skip(1).Select(Operand)], 0);
        }

        if (Quantizer(unit.Output) is not { } quantizer)
        {
            return new(unit, unit.Output.Name, exact);
        }

        var rounded = _beside.AddNode(Quantize, [exact, .. quantizer.Inputs.Skip(1)], quantizer.Output.Name + "_exact", null, quantizer.Domain);
        return new(unit, quantizer.Output.Name, rounded.Output);
    }

    /// <summary>What an operator that stays float reads in the quantized model.</summary>
    private Value? Operand(Value? original)
    {
        if (original is null)
        {
            return null;
        }

        if (original.HasConstant)
        {
            return _beside.AddInitializer(original.Name + "_float", original.Constant!);
        }

        return Quantizer(original)?.Output.Consumers.FirstOrDefault(use => use.Node.OpType == Dequantize).Node?.Output
            ?? _beside.Find(original.Name) ?? _beside.Find(original.Name + "_dequantized")
            ?? throw new InvalidOperationException($"{original.Name} is not in the quantized model.");
    }

    /// <summary>The Q behind which all read a value; null where it is read as float.</summary>
    private Node? Quantizer(Value original) =>
        _plan.Placement.ProducerOf(original) is null || _beside.Find(original.Name) is not { } value ? null
        : value.Producer?.OpType == Dequantize ? value.Producer.Inputs[0]!.Producer
        : value.Consumers.FirstOrDefault(use => use.Node.OpType == Quantize).Node;

    private Value Copy(Node node, Value?[] inputs, int position)
    {
        var outputs = node.Outputs.Select(output => output is null ? null : _beside.AddValue(output.Name + "_exact")).ToArray();
        var copy = _beside.AddNode(node.OpType, inputs, outputs, null, node.Domain);
        foreach (var attribute in node.Attributes.Values)
        {
            copy.Set(attribute);
        }

        return outputs[position]!;
    }

    /// <summary>A kernel on integers is made of a DQ in front of an operator: where that lies in another part than the operator, it runs on floats.</summary>
    private static void GiveEachReaderItsOwn(Node node)
    {
        foreach (var use in node.Output.Consumers.Where(use => use.Node.Graph == node.Graph).ToArray())
        {
            var own = node.Graph.AddNode(Dequantize, node.Inputs, node.Output.Name + "_own", use.Node, node.Domain);
            foreach (var attribute in node.Attributes.Values)
            {
                own.Set(attribute);
            }

            use.Node.SetInput(use.Index, own.Output);
        }
    }
}
