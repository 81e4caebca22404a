using System.Collections.Frozen;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Puts operators on integers in the place of static units between Q and DQ: ONNX's own QLinearConv and QLinearMatMul, ONNX Runtime's for the rest.
/// What moves elements does so on integers as it is.
/// </summary>
internal sealed class QOperatorWriter(RewriteTarget target)
{
    /// <summary>Before, all axes from the given one on were summed over.</summary>
    private const long FirstOpsetOfOneAxis = 13;

    private static readonly FrozenDictionary<string, Action<QOperatorWriter, QuantizedUnit, Node>> Writers = new Dictionary<string, Action<QOperatorWriter, QuantizedUnit, Node>>
    {
        ["Conv"] = (writer, unit, node) => writer.WriteConv(unit, node),
        ["Gemm"] = (writer, unit, node) => writer.WriteGemm(unit, node),
        ["MatMul"] = (writer, unit, node) => writer.WriteMatMul(unit, node),
        ["Add"] = (writer, unit, node) => writer.WriteBinary("QLinearAdd", unit, node),
        ["Mul"] = (writer, unit, node) => writer.WriteBinary("QLinearMul", unit, node),
        ["GlobalAveragePool"] = (writer, unit, node) => writer.WriteUnary("QLinearGlobalAveragePool", unit, node),
        ["AveragePool"] = (writer, unit, node) => writer.WriteUnary("QLinearAveragePool", unit, node),
        ["Sigmoid"] = (writer, unit, node) => writer.WriteUnary("QLinearSigmoid", unit, node),
        ["LeakyRelu"] = (writer, unit, node) => writer.WriteUnary("QLinearLeakyRelu", unit, node),
        ["Softmax"] = (writer, unit, node) => writer.WriteSoftmax(unit, node),
        ["Where"] = (writer, unit, node) => writer.WriteWhere(unit, node),
        ["Concat"] = (writer, unit, node) => writer.WriteConcat(unit, node),
    }.ToFrozenDictionary();

    private readonly Graph _graph = target.Graph;

    public void Write()
    {
        foreach (var (unit, node) in target.Units(UnitForm.Static))
        {
            if (unit.Rule.Role == OperatorRole.Moving)
            {
                WriteMoving(unit, node);
            }
            else if (Writers.TryGetValue(unit.Rule.OpType, out var write))
            {
                write(this, unit, node);
            }
        }
    }

    /// <summary>The integers, scale and zero point that a DQ reads.</summary>
    private static Value[] Parts(Value? dequantized) => [.. dequantized!.Producer!.Inputs.Take(3).Select(input => input!)];

    private void WriteConv(QuantizedUnit unit, Node node)
    {
        Value?[] bias = node.Input(2) is { } value ? [Parts(value)[0]] : [];
        var quantize = QuantizerOf(unit.Output)!;
        CopyAttributes(node, Replace(quantize, "QLinearConv", [.. Parts(node.Input(0)), .. Parts(node.Input(1)), quantize.Input(1), quantize.Input(2), .. bias], ""));
    }

    private void WriteMatMul(QuantizedUnit unit, Node node)
    {
        var (first, second) = (Parts(node.Input(0)), Parts(node.Input(1)));
        if (QuantizerOf(unit.Output) is { } quantize)
        {
            Replace(quantize, "QLinearMatMul", [.. first, .. second, quantize.Input(1), quantize.Input(2)], "");
        }
        else
        {
            _graph.Replace(node, "MatMulIntegerToFloat", [first[0], second[0], first[1], second[1], first[2], second[2]], target.Operands.UseMicrosoftDomain());
        }
    }

    private void WriteGemm(QuantizedUnit unit, Node node)
    {
        var bias = node.Input(2) is { } value ? Parts(value)[0] : null;
        Value?[] inputs = [.. Parts(node.Input(0)), .. Parts(node.Input(1)), bias];
        var attributes = node.Attributes.Values.Where(attribute => attribute.Name == "transB").ToArray();
        var replacement = QuantizerOf(unit.Output) is { } quantize
            ? Replace(quantize, "QGemm", [.. inputs, quantize.Input(1), quantize.Input(2)], target.Operands.UseMicrosoftDomain())
            : _graph.Replace(node, "QGemm", inputs, target.Operands.UseMicrosoftDomain());
        Array.ForEach(attributes, attribute => replacement.Set(attribute));
    }

    private void WriteBinary(string opType, QuantizedUnit unit, Node node)
    {
        var quantize = QuantizerOf(unit.Output)!;
        Replace(quantize, opType, [.. Parts(node.Input(0)), .. Parts(node.Input(1)), quantize.Input(1), quantize.Input(2)], target.Operands.UseMicrosoftDomain());
    }

    private void WriteUnary(string opType, QuantizedUnit unit, Node node)
    {
        var quantize = QuantizerOf(unit.Output)!;
        CopyAttributes(node, Replace(quantize, opType, [.. Parts(node.Input(0)), quantize.Input(1), quantize.Input(2)], target.Operands.UseMicrosoftDomain()));
    }

    /// <summary>The opset of the Softmax says what its axis means.</summary>
    private void WriteSoftmax(QuantizedUnit unit, Node node)
    {
        var quantize = QuantizerOf(unit.Output)!;
        var opset = target.Operands.Opset;
        Replace(quantize, "QLinearSoftmax", [.. Parts(node.Input(0)), quantize.Input(1), quantize.Input(2)], target.Operands.UseMicrosoftDomain())
            .Set("axis", node.Int("axis", opset < FirstOpsetOfOneAxis ? 1 : -1)).Set("opset", opset);
    }

    private void WriteWhere(QuantizedUnit unit, Node node)
    {
        var quantize = QuantizerOf(unit.Output)!;
        Value?[] inputs = [node.Input(0), .. Parts(node.Input(1)), .. Parts(node.Input(2)), quantize.Input(1), quantize.Input(2)];
        Replace(quantize, "QLinearWhere", inputs, target.Operands.UseMicrosoftDomain());
    }

    private void WriteConcat(QuantizedUnit unit, Node node)
    {
        var quantize = QuantizerOf(unit.Output)!;
        var joined = Replace(quantize, "QLinearConcat", [quantize.Input(1), quantize.Input(2), .. node.Inputs.SelectMany(Parts)], target.Operands.UseMicrosoftDomain());
        CopyAttributes(node, joined);
    }

    /// <summary>The outputs have the input's parameters, so that the integers can be moved as they are.</summary>
    private void WriteMoving(QuantizedUnit unit, Node node)
    {
        var outputs = node.Outputs.Select(output => output is null ? null : _graph.AddValue(output.Name + "_moved")).ToArray();
        var moved = _graph.AddNode(node.OpType, [Parts(node.Input(0))[0], .. node.Inputs.Skip(1)], outputs, null);
        moved.Name = node.Name;
        CopyAttributes(node, moved);
        foreach (var (original, output) in unit.Node.Outputs.Zip(outputs))
        {
            if (original is not null && QuantizerOf(original) is { } quantize)
            {
                quantize.Output.ReplaceAllUsesWith(output!);
            }
        }
    }

    private Node? QuantizerOf(Value value) => target.Quantizers.GetValueOrDefault(value.Name);

    /// <summary>A new operator whose integers take the place of those that <paramref name="quantize"/> makes.</summary>
    private Node Replace(Node quantize, string opType, IEnumerable<Value?> inputs, string domain)
    {
        var node = _graph.AddNode(opType, inputs, quantize.Output.Name + "_integer", null, domain);
        quantize.Output.ReplaceAllUsesWith(node.Output);
        return node;
    }

    private static void CopyAttributes(Node from, Node to)
    {
        foreach (var attribute in from.Attributes.Values)
        {
            to.Set(attribute);
        }
    }
}
