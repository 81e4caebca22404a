using System.Collections.Frozen;
using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// A quantized graph computed as its operators are defined, element by element and without ONNX Runtime: what its integer kernels must come
/// to, but for the rounding of half a step.
/// </summary>
internal static class ReferenceGraph
{
    private static readonly FrozenDictionary<string, Func<Node, Numbers?[], Numbers>> Float = new Dictionary<string, Func<Node, Numbers?[], Numbers>>
    {
        ["Conv"] = (node, inputs) => ReferenceKernels.Conv(node, inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2)),
        ["ConvTranspose"] = (node, inputs) => ReferenceKernels.ConvTranspose(node, inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2)),
        ["Gemm"] = (node, inputs) => ReferenceKernels.Gemm(node, inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2)),
        ["MatMul"] = (_, inputs) => ReferenceKernels.MatMul(inputs[0]!, inputs[1]!),
        ["Add"] = (_, inputs) => Numbers.Combine(inputs[0]!, inputs[1]!, (left, right) => left + right),
        ["Mul"] = (_, inputs) => Numbers.Combine(inputs[0]!, inputs[1]!, (left, right) => left * right),
        ["Where"] = (_, inputs) => ReferenceElements.Where(inputs[0]!, inputs[1]!, inputs[2]!),
        ["Clip"] = (_, inputs) => ReferenceElements.Clip(inputs[0]!, inputs.ElementAtOrDefault(1), inputs.ElementAtOrDefault(2)),
        ["Relu"] = (_, inputs) => inputs[0]!.Map(value => Math.Max(value, 0)),
        ["Sigmoid"] = (_, inputs) => inputs[0]!.Map(ReferenceElements.Sigmoid),
        ["LeakyRelu"] = (node, inputs) => ReferenceElements.LeakyRelu(node, inputs[0]!),
        ["Softmax"] = (node, inputs) => ReferenceElements.Softmax(node, inputs[0]!),
        ["Cast"] = (_, inputs) => inputs[0]!,
    }.ToFrozenDictionary();

    public static Numbers[] Run(Graph graph, ImmutableDictionary<string, TensorData> inputs)
    {
        var values = inputs.ToDictionary(entry => graph.Find(entry.Key)!, entry => Numbers.Of(entry.Value));
        Numbers? Read(Value? value) => value is null ? null : values.TryGetValue(value, out var numbers) ? numbers : Numbers.Of(value.Constant!);
        foreach (var node in graph.Nodes)
        {
            foreach (var (output, numbers) in node.Outputs.Zip(Run(node, [.. node.Inputs.Select(Read)])).Where(pair => pair.First is not null))
            {
                values[output!] = numbers;
            }
        }

        return [.. graph.Outputs.Select(output => Read(output)!)];
    }

    /// <summary>A float operator on numbers of any kind.</summary>
    public static Numbers RunFloat(string opType, Node node, params Numbers?[] inputs) =>
        Float.TryGetValue(opType, out var run) ? run(node, inputs) : ReferenceMoves.Run(opType, node, inputs[0]!, inputs[1..]);

    private static Numbers[] Run(Node node, Numbers?[] inputs) => node.OpType switch
    {
        "QuantizeLinear" => [Affine.Quantize(inputs[0]!, new(inputs[1]!, inputs[2]!, node.Input(2)!.Constant!.Type), Affine.AxisOf(node, inputs[0]!))],
        "DequantizeLinear" => [Affine.Dequantize(inputs[0]!, inputs[1]!, inputs[2]!, Affine.AxisOf(node, inputs[0]!))],
        "DynamicQuantizeLinear" => Affine.QuantizeDynamically(inputs[0]!),
        "DynamicQuantizeLSTM" => ReferenceRecurrent.Lstm(node, inputs),
        "Split" => ReferenceMoves.Split(node, inputs[0]!, inputs[1]!.ToInts()),
        _ when ReferenceIntegers.Of(node, inputs) is { } numbers => [numbers],
        _ => [RunFloat(node.OpType, node, inputs)],
    };
}
