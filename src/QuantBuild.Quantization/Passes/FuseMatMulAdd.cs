using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// MatMul with constant weights, then Add of a constant vector, becomes a Gemm, between two Reshapes where the input has more than two dimensions.
/// ONNX Runtime does the same wherever it knows the shapes, but after Q and DQ are in place, and then dequantizes the weights at every run. Where it
/// does not know them it leaves both operators alone, and so does this.
/// </summary>
internal sealed class FuseMatMulAdd : GraphPass
{
    public override void Run(Model model)
    {
        var layers = Bodies.Nodes(model.Graph).Select(LayerOf).OfType<Layer>().ToArray();
        var shapes = InferredShapes.Of(model, layers.Select(layer => layer.Input));
        foreach (var layer in layers)
        {
            if (shapes.TryGetValue(layer.Input, out var shape) && (shape.Length == 2 || (shape.Length > 2 && shape.All(length => length is not null))))
            {
                Fuse(layer.Add.Graph, layer, shape);
            }
        }
    }

    private static Layer? LayerOf(Node node) =>
        node.Is("MatMul")
        && node.Input(0) is { HasConstant: false } input
        && node.Input(1) is { IsConstant: true, Constant: { Rank: 2, Type: ElementType.Float } matrix } weights
        && node.Output is { Consumers: [{ Node: var add }], IsGraphOutput: false } && add.Is("Add") && add.Graph == node.Graph
        && add.Inputs.FirstOrDefault(other => other != node.Output) is { IsConstant: true, Constant: { Type: ElementType.Float } constant } bias
        && constant.Rank > 0 && constant.ElementCount == matrix.Dimensions[1] && constant.Dimensions[^1] == matrix.Dimensions[1]
            ? new(node, add, input, weights, bias)
            : null;

    private static void Fuse(Graph graph, Layer layer, ImmutableArray<long?> shape)
    {
        var bias = layer.Bias.Constant!;
        if (bias.Rank > shape.Length)
        {
            return;
        }

        var vector = bias.Rank == 1 ? layer.Bias : graph.AddInitializer(layer.Bias.Name + "_vector", bias.Reshape([bias.ElementCount]));
        var name = layer.MatMul.Name;
        if (shape.Length == 2)
        {
            graph.Replace(layer.Add, "Gemm", [layer.Input, layer.Weights, vector]).Name = name;
        }
        else
        {
            var columns = layer.Weights.Constant!.Dimensions;
            var hint = layer.Add.Output.Name;
            var rows = Reshape(graph, layer.Input, [-1, columns[0]], hint, layer.Add);
            var gemm = graph.AddNode("Gemm", [rows, layer.Weights, vector], hint + "_gemm", layer.Add);
            gemm.Name = name;
            long[] result = [.. shape.Take(shape.Length - 1).Select(length => length!.Value), columns[1]];
            graph.Replace(layer.Add, "Reshape", [gemm.Output, graph.AddInitializer(hint + "_shape", TensorData.Vector<long>(result))]);
        }

        graph.Remove(layer.MatMul);
    }

    private static Value Reshape(Graph graph, Value value, long[] shape, string hint, Node position) =>
        graph.AddNode("Reshape", [value, graph.AddInitializer(hint + "_rows_shape", TensorData.Vector<long>(shape))], hint + "_rows", position).Output;

    private sealed record Layer(Node MatMul, Node Add, Value Input, Value Weights, Value Bias);
}
