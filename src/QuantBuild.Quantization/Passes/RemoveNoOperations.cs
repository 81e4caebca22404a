using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>Identity, Dropout as it is at inference, and a Pad that pads nothing, as exporters write it in front of an AveragePool, are taken out.</summary>
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
        node.Is("Identity") || (node.Is("Dropout") && node.Outputs.Skip(1).All(mask => mask is null || mask.Consumers.Count == 0) && !Trains(node)) || (node.Is("Pad") && PadsNothing(node));

    private static bool PadsNothing(Node node) => node.Input(1) is { } pads
        ? pads is { IsConstant: true, Constant: { Type: ElementType.Int64 } constant } && !constant.AsSpan<long>().ContainsAnyExcept(0)
        : node.Ints("pads") is { IsDefault: false } own && own.All(pad => pad == 0);

    private static bool Trains(Node node) =>
        node.Input(2) is not null || (node.Attributes.ContainsKey("is_test") && node.Int("is_test", 0) == 0);
}
