using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// Raises the opset to <paramref name="target"/>, which is at most 21: by default to 13, the first whose QuantizeLinear knows channels. Where an
/// operator has no safe way there, the model stays as it is: from opset 10 on the rewriter then uses the com.microsoft operators, below it the
/// model stays float.
/// </summary>
internal sealed class RaiseOpset(long target = RaiseOpset.Sufficient) : GraphPass
{
    public const long Sufficient = 13;

    /// <summary>The first whose DequantizeLinear knows blocks and types of other than 8 bits.</summary>
    public const long SufficientForBlocks = 21;

    public override void Run(Model model)
    {
        if (model.Opset < target && model.Opsets.ContainsKey("") && Obstacle(model, target) is null)
        {
            Raise(model, target);
        }
    }

    /// <summary>What keeps a model from being raised, as messages name it; null where nothing does.</summary>
    public static string? Obstacle(Model model, long target)
    {
        // ONNX Runtime reads a function's nodes by the model's opset, whatever the function says: what works now must stay as it is.
        foreach (var (call, _) in InlineFunctions.Refusals(model))
        {
            return call.ToString();
        }

        var raised = model.Clone();
        if (Raise(raised, target) is { } node)
        {
            return node.ToString();
        }

        try
        {
            using var session = InferenceModel.Load(raised, Optimization.None);
            return null;
        }
        catch (InferenceException exception)
        {
            return $"what ONNX Runtime says of the result: {exception.Message}";
        }
    }

    /// <summary>Opset by opset. Returns the first node for which there is no way; the model is then half adapted.</summary>
    private static Node? Raise(Model model, long target)
    {
        var types = new InferredTypes(model);
        for (var opset = model.Opset + 1; opset <= target; opset++)
        {
            // What has a body comes last, the innermost first: it may be put into another's body, with copies of what is in its own.
            var nodes = model.Graph.AllNodes.Where(node => node.Domain.Length == 0).ToLookup(node => node.Subgraphs.Any());
            foreach (var node in nodes[false].Concat(nodes[true].Reverse()))
            {
                if (OpsetAdapters.All[(node.OpType, opset)].Any(adapter => !adapter.Adapt(node, types)))
                {
                    return node;
                }
            }
        }

        model.SetOpset("", target);
        model.IrVersion = Math.Max(model.IrVersion, IrVersionOf(target));
        return null;
    }

    /// <summary>The version of the file format that came with an opset.</summary>
    private static long IrVersionOf(long opset) => opset switch
    {
        < 15 => 7,
        < 19 => 8,
        < 21 => 9,
        _ => 10,
    };
}
