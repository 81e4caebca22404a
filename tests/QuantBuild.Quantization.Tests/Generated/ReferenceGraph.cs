using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Tests.Generated;

/// <summary>
/// A quantized graph computed as its operators are defined, element by element and without ONNX Runtime: what its integer kernels must come
/// to, but for the rounding of half a step.
/// </summary>
internal static class ReferenceGraph
{
    public static Numbers[] Run(Graph graph, ImmutableDictionary<string, TensorData> inputs)
    {
        var values = inputs.ToDictionary(entry => graph.Find(entry.Key)!, entry => Numbers.Of(entry.Value));
        Numbers? Read(Value? value) => value is null ? null : values.TryGetValue(value, out var numbers) ? numbers : Numbers.Of(value.Constant!);
        foreach (var node in graph.Nodes)
        {
            values[node.Output] = Run(node, [.. node.Inputs.Select(Read)]);
        }

        return [.. graph.Outputs.Select(output => Read(output)!)];
    }

    private static Numbers Run(Node node, Numbers?[] inputs)
    {
        var (x, second, third) = (inputs[0]!, inputs.ElementAtOrDefault(1), inputs.ElementAtOrDefault(2));
        return node.OpType switch
        {
            "QuantizeLinear" => Quantize(node, x, second!, third!),
            "DequantizeLinear" => Numbers.Make(x.Shape, position => (x[position] - Along(third!, node, position)) * Along(second!, node, position)),
            "Conv" => ReferenceKernels.Conv(node, x, second!, third),
            "ConvTranspose" => ReferenceKernels.ConvTranspose(node, x, second!, third),
            "Gemm" => ReferenceKernels.Gemm(node, x, second!, third),
            "MatMul" => ReferenceKernels.MatMul(x, second!),
            "Relu" => x.Map(value => Math.Max(value, 0)),
            "Clip" => x.Map(value => Math.Min(Math.Max(value, second?.Elements[0] ?? double.MinValue), third?.Elements[0] ?? double.MaxValue)),
            "Add" => Numbers.Combine(x, second!, (left, right) => left + right),
            "Mul" => Numbers.Combine(x, second!, (left, right) => left * right),
            _ => ReferenceMoves.Run(node, x, [.. inputs.Skip(1)]),
        };
    }

    private static Numbers Quantize(Node node, Numbers x, Numbers scale, Numbers zeroPoint)
    {
        var (least, greatest) = node.Input(2)!.Constant!.Type == ElementType.UInt8 ? (0, 255) : (-128, 127);
        return Numbers.Make(x.Shape, position => Math.Clamp(
            Math.Round(x[position] / Along(scale, node, position), MidpointRounding.ToEven) + Along(zeroPoint, node, position), least, greatest));
    }

    /// <summary>One for all, or one a channel of the node's axis.</summary>
    private static double Along(Numbers parameters, Node node, int[] position) =>
        parameters.Elements.Length == 1 ? parameters.Elements[0] : parameters.Elements[position[(node.Int("axis", 1) + position.Length) % position.Length]];
}
