using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>Ways through a graph that structures are recognised by, whatever lies on them that does not matter.</summary>
internal static class StructureWalk
{
    /// <summary>The nodes that a value comes to through nodes that let it pass, each once: those that pass it and those that do not.</summary>
    public static IEnumerable<Node> Readers(Value value, Func<Node, bool> passes)
    {
        var known = new HashSet<Node>();
        var open = new Stack<Value>([value]);
        while (open.TryPop(out var next))
        {
            foreach (var node in next.Consumers.Select(use => use.Node).Where(known.Add))
            {
                yield return node;
                foreach (var output in passes(node) ? node.Outputs.OfType<Value>() : [])
                {
                    open.Push(output);
                }
            }
        }
    }

    /// <summary>True for what moves, joins, adds and scales elements.</summary>
    public static bool IsMovedOrScaled(Node node) =>
        node.Is("Add") || node.Is("Sub") || node.Is("Mul") || node.Is("Div") || node.Is("Where") || OperatorRules.Of(node) is { Role: OperatorRole.Moving or OperatorRole.MovingQuantized or OperatorRole.Joining };

    /// <summary>True for products with weights, and of activations.</summary>
    public static bool IsProduct(Node node) => node.Is("MatMul") || OperatorRules.Of(node) is { Role: OperatorRole.Linear };

    /// <summary>The Softmax that reads a value, moved or scaled or with something added; null where none does.</summary>
    public static Node? SoftmaxBehind(Value value) => Readers(value, IsMovedOrScaled).FirstOrDefault(node => node.Is("Softmax") || node.Is("LogSoftmax"));

    /// <summary>True where the value comes to an output of the model with no product on the way.</summary>
    public static bool IsInHead(Value value) => value.IsGraphOutput || Readers(value, node => !IsProduct(node)).Any(node => !IsProduct(node) && node.Outputs.Any(output => output is { IsGraphOutput: true }));

    /// <summary>The node that made a value, before a Relu or Clip.</summary>
    public static Node? Origin(Value value) => value.Producer is { } producer && (producer.Is("Relu") || producer.Is("Clip")) ? Origin(producer.Inputs[0]!) : value.Producer;
}
