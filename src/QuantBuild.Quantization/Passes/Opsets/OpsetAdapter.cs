using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Passes.Opsets;

/// <summary>
/// How a node that is written for the opset before <paramref name="ChangedIn"/> says the same in that one; false where it cannot. What it puts in
/// the node's place is written for that opset too, and may have adapters of its own further up.
/// </summary>
internal sealed record OpsetAdapter(string OpType, long ChangedIn, Func<Node, InferredTypes, bool> Adapt)
{
    public OpsetAdapter(string opType, long changedIn, Func<Node, bool> adapt)
        : this(opType, changedIn, (node, _) => adapt(node))
    {
    }
}
