using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// MatMul of a matrix with constant weights, then Add of a constant vector, is a Gemm. ONNX Runtime would fuse them too, but
/// after Q and DQ are in place, and the weights would then be dequantized at every run.
/// </summary>
internal sealed class FuseMatMulAdd : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in model.Graph.Nodes.Where(node => node.Is("MatMul")).ToArray())
        {
            if (node.Input(0) is { } input && node.Input(1) is { IsConstant: true, Constant: { Rank: 2, Type: ElementType.Float } weights }
                && RankOf(input) == 2
                && node.Output is { Consumers: [{ Node: var add }], IsGraphOutput: false } && add.Is("Add")
                && add.Inputs.FirstOrDefault(other => other != node.Output) is { IsConstant: true, Constant: { Type: ElementType.Float } constant } bias
                && constant.ElementCount == weights.Dimensions[1] && constant.Rank is 1 or 2 && constant.Dimensions[^1] == weights.Dimensions[1])
            {
                var vector = constant.Rank == 1 ? bias : model.Graph.AddInitializer(bias.Name + "_vector", constant.Reshape([constant.ElementCount]));
                var product = node.Output;
                var (a, b) = (node.Input(0), node.Input(1));
                var gemm = model.Graph.Replace(add, "Gemm", [a, b, vector]);
                gemm.Name = node.Name;
                if (product.Consumers.Count == 0)
                {
                    model.Graph.Remove(node);
                }
            }
        }
    }

    /// <summary>The rank that the graph shows without running: of a declared value, or of what always makes a matrix.</summary>
    private static int? RankOf(Value value) => value switch
    {
        { DeclaredShape.IsDefault: false } => value.DeclaredShape.Length,
        { Producer: { } producer } when producer.Is("Gemm") || producer.Is("Flatten") => 2,
        { Producer: { } producer } when producer.Is("Reshape") && producer.Input(1)?.Constant is { } shape => (int)shape.ElementCount,
        { Producer: { } producer } when (producer.Is("Relu") || producer.Is("Clip")) && producer.Input(0) is { } input => RankOf(input),
        _ => null,
    };
}
