using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>A constant of one element, however many dimensions it is written with, becomes a scalar where the other operand has the dimensions of the result.</summary>
internal sealed class ReduceConstants : GraphPass
{
    public override void Run(Model model)
    {
        var places = Bodies.Nodes(model.Graph).Where(node => node.Is("Add") || node.Is("Sub") || node.Is("Mul") || node.Is("Div") || node.Is("Pow"))
            .SelectMany(node => new[] { new Place(node, 0), new Place(node, 1) }).Where(place => place.IsReducible).ToArray();
        if (places.Length == 0)
        {
            return;
        }

        var shapes = InferredShapes.Of(model, places.Select(place => place.Other!));
        foreach (var (node, index) in places.Where(place => shapes.TryGetValue(place.Other!, out var shape) && shape.Length >= place.Constant!.Rank))
        {
            var value = node.Input(index)!;
            node.SetInput(index, node.Graph.AddInitializer(value.Name + "_scalar", value.Constant!.Reshape([])));
        }
    }

    private sealed record Place(Node Node, int Index)
    {
        public TensorData? Constant => Node.Input(Index) is { IsConstant: true } value ? value.Constant : null;

        public Value? Other => Node.Input(1 - Index);

        public bool IsReducible => Constant is { Rank: > 0, ElementCount: 1 } && Other is { IsConstant: false };
    }
}
