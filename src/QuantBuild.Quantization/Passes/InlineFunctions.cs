using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Calls of the model's own functions are replaced by the functions' nodes, as ONNX Runtime does when it loads the model. A function
/// that was written for another opset stays, and is called, where an operator of it has changed since.
/// </summary>
internal sealed class InlineFunctions : GraphPass
{
    public override void Run(Model model) => Inliner(model).Inline();

    /// <summary>The calls that are left, each with the reason.</summary>
    public static IEnumerable<KeyValuePair<Node, string>> Refusals(Model model)
    {
        var inliner = Inliner(model);
        return model.Graph.AllNodes.Select(node => KeyValuePair.Create(node, inliner.Refusal(node)!)).Where(entry => entry.Value is not null);
    }

    private static FunctionInliner Inliner(Model model) => new(model, IsSame);

    private static bool IsSame(string opType, long first, long second) =>
        !OpsetAdapters.All.SelectMany(adapters => adapters).Any(adapter => adapter.OpType == opType && first < adapter.ChangedIn && adapter.ChangedIn <= second);
}
