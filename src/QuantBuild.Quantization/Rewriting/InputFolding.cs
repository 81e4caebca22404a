using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Passes;

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
    public static ImmutableArray<(string Input, string Reason)> Apply(Model model, ImmutableDictionary<string, IntegerMeaning> bytes)
    {
        var (kept, operands) = (ImmutableArray.CreateBuilder<(string, string)>(), new QuantizationOperands(model, model.Graph));
        foreach (var input in model.Graph.Inputs.Where(input => !input.HasConstant && input.DeclaredType is ElementType.Float or ElementType.Float16).ToArray())
        {
            var known = bytes.GetValueOrDefault(input.Name);
            if (Obstacle(model, input, known) is { } obstacle)
            {
                kept.Add((input.Name, obstacle));
                continue;
            }

            var meaning = known ?? IntegerMeaning.Of(ParametersOf(input.Consumers[0].Node));
            if (meaning.Parameters is { } parameters)
            {
                Fold(operands, model.Graph, input, parameters);
            }
            else
            {
                Normalize(model.Graph, input, meaning);
            }

            IntegerInputs.Declare(model, input, meaning);
        }

        // What a normalization multiplies with goes into a convolution that reads it in float.
        new FoldIntoNextLayer().Run(model);
        FloatLayers.Keep(model);
        TopologicalOrder.Restore(model.Graph);
        return kept.ToImmutable();
    }

    private static string? Obstacle(Model model, Value input, IntegerMeaning? known) =>
        input.DeclaredType == ElementType.Float16 ? "it is of half precision"
        : model.Opset < FirstOpset ? $"opset {model.Opset} has no operators for quantized tensors"
        : input.IsGraphOutput ? "it is an output as well"
        : input.Consumers.Count == 0 ? "nothing reads it"
        : known is { Scales.Length: > 1 } && input.DeclaredShape.IsDefault ? "each of its channels is normalized in its own way, and the model does not declare how many dimensions it has"
        : known is not null ? null
        : input.Consumers.FirstOrDefault(use => !IsQuantizer(use)).Node is { } reader ? $"{reader.OpType} reads it in float, and its values are no bytes (of 0 to 255, as they are, divided by 255, or as Scale, Mean and Std have them), of which nothing would be lost"
        : input.Consumers.Select(use => ParametersOf(use.Node)).Distinct().Count() > 1 ? "it is quantized in several ways"
        : null;

    /// <summary>What an application would do to the integers of each channel.</summary>
    private static void Normalize(Graph graph, Value input, IntegerMeaning meaning)
    {
        var uses = input.Consumers.ToArray();
        var floats = graph.AddNode("Cast", [input], input.Name + "_floats").Set("to", (long)ElementType.Float).Output;
        var scaled = graph.AddNode("Mul", [floats, Constant("_scale", meaning.Scales)], input.Name + "_scaled").Output;
        var shifted = graph.AddNode("Add", [scaled, Constant("_shift", [.. meaning.Scales.Zip(meaning.ZeroPoints, (scale, zero) => (float)(-zero * scale))])], input.Name + "_normalized").Output;
        foreach (var use in uses)
        {
            use.Node.SetInput(use.Index, shifted);
        }

        Value Constant(string hint, ImmutableArray<float> values) => graph.AddInitializer(input.Name + hint, TensorData.Create<float>(
            values.Length == 1 ? [] : [values.Length, .. Enumerable.Repeat(1L, input.DeclaredShape.Length - meaning.Axis - 1)], values.AsSpan()));
    }

    private static void Fold(QuantizationOperands operands, Graph graph, Value input, QuantizationParameters parameters)
    {
        var uses = input.Consumers.ToArray();
        var obsolete = uses.Where(use => IsQuantizer(use) && IsSame(ParametersOf(use.Node), parameters)).ToArray();
        foreach (var use in obsolete)
        {
            use.Node.Output.ReplaceAllUsesWith(input);
            graph.Remove(use.Node);
        }

        if (obsolete.Length < uses.Length)
        {
            var floats = operands.Dequantize(input, parameters, input.Name).Output;
            foreach (var use in uses.Except(obsolete))
            {
                use.Node.SetInput(use.Index, floats);
            }
        }
    }

    /// <summary>A scale that was made from a range may differ from one that was given in its last bit.</summary>
    private static bool IsSame(QuantizationParameters first, QuantizationParameters second) =>
        first.Type == second.Type && first.ZeroPoint == second.ZeroPoint && Math.Abs(first.Scale - second.Scale) <= second.Scale * 1e-6f;

    /// <summary>Those in bodies quantize for themselves.</summary>
    private static bool IsQuantizer(Use use) => use is { Index: 0, Node.OpType: "QuantizeLinear" } && use.Node.Graph == use.Node.Input(0)!.Graph && use.Node.Input(2) is { IsConstant: true };

    private static QuantizationParameters ParametersOf(Node quantizer)
    {
        var zeroPoint = quantizer.Input(2)!.Constant!;
        return QuantizationParameters.PerTensor(zeroPoint.Type, quantizer.Input(1)!.Constant!.ToFloats()[0], IntegerTypes.At(zeroPoint, 0));
    }
}
