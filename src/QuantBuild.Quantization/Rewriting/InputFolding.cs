using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>
/// Makes float inputs of a quantized model the integers themselves, as far as that changes nothing: the Q at the border goes, and what reads floats reads
/// those of a DQ.
/// </summary>
internal static class InputFolding
{
    /// <summary>QuantizeLinear and its like came with opset 10.</summary>
    private const long FirstOpset = 10;

    /// <param name="model">The quantized model, which is changed.</param>
    /// <param name="bytes">By name, inputs that were images of bytes in all samples that were looked at.</param>
    /// <returns>The inputs that stay float, with reasons that complete "it stays float because …".</returns>
    public static ImmutableArray<(string Input, string Reason)> Apply(Model model, ImmutableDictionary<string, QuantizationParameters> bytes)
    {
        var (kept, operands) = (ImmutableArray.CreateBuilder<(string, string)>(), new QuantizationOperands(model, model.Graph));
        foreach (var input in model.Graph.Inputs.Where(input => !input.HasConstant && input.DeclaredType == ElementType.Float).ToArray())
        {
            var known = bytes.GetValueOrDefault(input.Name);
            if (Obstacle(model, input, known) is { } obstacle)
            {
                kept.Add((input.Name, obstacle));
                continue;
            }

            Fold(model, operands, input, known ?? ParametersOf(input.Consumers[0].Node));
        }

        TopologicalOrder.Restore(model.Graph);
        return kept.ToImmutable();
    }

    private static string? Obstacle(Model model, Value input, QuantizationParameters? known) =>
        model.Opset < FirstOpset ? $"opset {model.Opset} has no operators for quantized tensors"
        : input.IsGraphOutput ? "it is an output as well"
        : input.Consumers.Count == 0 ? "nothing reads it"
        : known is not null ? null
        : input.Consumers.FirstOrDefault(use => !IsQuantizer(use)).Node is { } reader ? $"{reader.OpType} reads it in float, and its values are no bytes (k/255 or k, of 0 to 255), of which nothing would be lost"
        : input.Consumers.Select(use => ParametersOf(use.Node)).Distinct().Count() > 1 ? "it is quantized in several ways"
        : null;

    private static void Fold(Model model, QuantizationOperands operands, Value input, QuantizationParameters parameters)
    {
        var uses = input.Consumers.ToArray();
        var obsolete = uses.Where(use => IsQuantizer(use) && ParametersOf(use.Node) == parameters).ToArray();
        foreach (var use in obsolete)
        {
            use.Node.Output.ReplaceAllUsesWith(input);
            model.Graph.Remove(use.Node);
        }

        if (obsolete.Length < uses.Length)
        {
            var floats = operands.Dequantize(input, parameters, input.Name).Output;
            foreach (var use in uses.Except(obsolete))
            {
                use.Node.SetInput(use.Index, floats);
            }
        }

        IntegerInputs.Declare(model, input, parameters);
    }

    /// <summary>Those in bodies quantize for themselves.</summary>
    private static bool IsQuantizer(Use use) => use is { Index: 0, Node.OpType: "QuantizeLinear" } && use.Node.Graph == use.Node.Input(0)!.Graph && use.Node.Input(2) is { IsConstant: true };

    private static QuantizationParameters ParametersOf(Node quantizer)
    {
        var zeroPoint = quantizer.Input(2)!.Constant!;
        return QuantizationParameters.PerTensor(zeroPoint.Type, quantizer.Input(1)!.Constant!.ToFloats()[0], IntegerTypes.At(zeroPoint, 0));
    }
}
