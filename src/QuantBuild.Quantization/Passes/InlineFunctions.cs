using System.Collections.Frozen;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Calls of the model's own functions are replaced by the functions' nodes, as ONNX Runtime does when it loads the model. A function
/// that was written for another opset stays, and is called, where an operator of it has changed since.
/// </summary>
internal sealed class InlineFunctions : GraphPass
{
    /// <summary>What changed from opset 14 on so that it cannot be read either way; <see cref="OpsetAdapters"/> has what came before.</summary>
    private static readonly FrozenDictionary<string, long> ChangedIn = new Dictionary<string, long>
    {
        ["BatchNormalization"] = 14,
        ["RoiAlign"] = 16,
        ["ReduceL1"] = 18,
        ["ReduceL2"] = 18,
        ["ReduceLogSum"] = 18,
        ["ReduceLogSumExp"] = 18,
        ["ReduceMax"] = 18,
        ["ReduceMean"] = 18,
        ["ReduceMin"] = 18,
        ["ReduceProd"] = 18,
        ["ReduceSumSquare"] = 18,
        ["Split"] = 18,
        ["DFT"] = 20,
        ["GridSample"] = 20,
        ["GroupNormalization"] = 21,
    }.ToFrozenDictionary();

    public override void Run(Model model) => Inliner(model).Inline();

    /// <summary>The calls that are left, each with the reason.</summary>
    public static IEnumerable<KeyValuePair<Node, string>> Refusals(Model model)
    {
        var inliner = Inliner(model);
        return model.Graph.AllNodes.Select(node => KeyValuePair.Create(node, inliner.Refusal(node)!)).Where(entry => entry.Value is not null);
    }

    private static FunctionInliner Inliner(Model model) => new(model, IsSame);

    private static bool IsSame(string opType, long first, long second) =>
        !(ChangedIn.TryGetValue(opType, out var version) && first < version && version <= second)
        && !OpsetAdapters.All.Any(adapter => adapter.OpType == opType && first < adapter.ChangedIn && adapter.ChangedIn <= second);
}
