using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Rewriting;

/// <summary>Spells ONNX Runtime's own activations out in ONNX's operators again, for other runtimes.</summary>
internal static class StandardOperators
{
    public static void Restore(Model model)
    {
        foreach (var node in Bodies.Nodes(model.Graph).Where(RecognizeActivations.IsFastGelu).ToArray())
        {
            Restore(node);
        }

        if (model.Opsets.ContainsKey(RecognizeActivations.MicrosoftDomain) && model.Graph.AllNodes.All(node => node.Domain != RecognizeActivations.MicrosoftDomain))
        {
            model.RemoveOpset(RecognizeActivations.MicrosoftDomain);
        }
    }

    /// <summary>x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).</summary>
    private static void Restore(Node node)
    {
        var (graph, x, name) = (node.Graph, node.Input(0)!, node.Output.Name);
        Value Constant(double value) => graph.AddInitializer(name + "_constant", TensorData.Create<float>([], [(float)value]));
        Value Apply(string opType, params Value[] inputs) => graph.AddNode(opType, inputs, name + "_part", node).Output;

        var cube = Apply("Mul", Apply("Mul", x, x), x);
        var argument = Apply("Mul", Apply("Add", x, Apply("Mul", cube, Constant(0.044715))), Constant(Math.Sqrt(2 / Math.PI)));
        var gate = Apply("Add", Apply("Tanh", argument), Constant(1));
        graph.Replace(node, "Mul", [Apply("Mul", x, Constant(0.5)), gate]);
    }
}
