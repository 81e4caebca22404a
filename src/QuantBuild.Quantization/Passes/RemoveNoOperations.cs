using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>Identity, and Dropout as it is at inference, are taken out.</summary>
internal sealed class RemoveNoOperations : GraphPass
{
    public override void Run(Model model)
    {
        foreach (var node in model.Graph.AllNodes.Where(IsNoOperation).ToArray())
        {
            // Between a graph's input and its output, or across scopes, an Identity has to stay.
            if (node.Input(0) is { } input && input.Graph == node.Graph && !(node.Output.IsGraphOutput && (input.Producer is null || input.IsGraphOutput)))
            {
                node.Output.ReplaceAllUsesWith(input);
                node.Graph.Remove(node);
            }
        }
    }

    private static bool IsNoOperation(Node node) =>
        node.Is("Identity") || (node.Is("Dropout") && node.Outputs.Skip(1).All(mask => mask is null || mask.Consumers.Count == 0) && !Trains(node));

    private static bool Trains(Node node) =>
        node.Input(2) is not null || (node.Attributes.ContainsKey("is_test") && node.Int("is_test", 0) == 0);
}
