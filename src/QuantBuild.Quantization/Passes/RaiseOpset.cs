using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Raises the opset to 13, the first whose QuantizeLinear knows channels. Where an operator has no safe way there, the model stays as it is: from
/// opset 10 on the rewriter then uses the com.microsoft operators, below it the model stays float.
/// </summary>
internal sealed class RaiseOpset : GraphPass
{
    public const long Sufficient = 13;

    public override void Run(Model model)
    {
        if (model.Opset >= Sufficient || !model.Opsets.ContainsKey("") || Blockers(model.Clone()).Any())
        {
            return;
        }

        _ = Blockers(model).Count();
        model.SetOpset("", Sufficient);
    }

    /// <summary>Adapts every node of the model and yields those for which that is not possible.</summary>
    public static IEnumerable<Node> Blockers(Model model)
    {
        // ONNX Runtime reads a function's nodes by the model's opset, whatever the function says: what works now must stay as it is.
        foreach (var (call, _) in InlineFunctions.Refusals(model))
        {
            yield return call;
        }

        foreach (var node in model.Graph.AllNodes.Where(node => node.Domain.Length == 0).ToArray())
        {
            foreach (var adapter in OpsetAdapters.All.Where(adapter => adapter.OpType == node.OpType && model.Opset < adapter.ChangedIn))
            {
                if (!adapter.Adapt(node))
                {
                    yield return node;
                    break;
                }
            }
        }
    }
}
