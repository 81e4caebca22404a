using QuantBuild.Onnx;

namespace QuantBuild.Tool.Tests;

internal static class Models
{
    public static Model Relu()
    {
        var model = Model.Create("relu", opset: 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [null, 3]);
        var node = model.Graph.AddNode("Relu", [input], "y");
        node.Output.Declare(ElementType.Float, [null, 3]);
        model.Graph.AddOutput(node.Output);
        return model;
    }
}
