using System.Collections.Frozen;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;

namespace QuantBuild.Quantization.Passes;

/// <summary>
/// What is computed element by element from gathered rows can be computed from the whole table, once: f(table[i]) = f(table)[i]. The Gather moves behind
/// the operators, which then have constants alone and become one.
/// </summary>
internal sealed class FoldIntoEmbedding : GraphPass
{
    private static readonly FrozenSet<string> Elementwise =
        ["Add", "Sub", "Mul", "Div", "Pow", "Relu", "Clip", "Sigmoid", "Tanh", "Erf", "Exp", "Neg", "Abs", "Sqrt", "LeakyRelu", "Elu", "HardSigmoid", "Softplus"];

    public override void Run(Model model)
    {
        var gathers = Bodies.Nodes(model.Graph).Where(IsEmbedding).ToArray();
        var shapes = gathers.Length == 0 ? [] : InferredShapes.Proven(model, gathers.Select(gather => gather.Input(1)!).Where(indices => !indices.HasConstant).Distinct());
        var moved = new List<(Node Gather, Value Table, List<Node> Operators, string Name)>();
        foreach (var gather in gathers)
        {
            // Of indices whose shape is open there is at least one row.
            var rank = shapes.TryGetValue(gather.Input(1)!, out var shape) ? shape.Length + 1 : 1;
            if (OperatorsBehind(gather, rank) is { Count: > 0 } operators)
            {
                var (table, name) = (gather.Input(0)!, gather.Output.Name);
                moved.Add((Move(gather, operators), table, operators, name));
            }
        }

        if (moved.Count > 0)
        {
            new FoldConstants().Run(model);
        }

        // What could not be folded would be computed from the whole table at every run.
        foreach (var (gather, table, operators, name) in moved.Where(entry => entry.Gather.Input(0) is { IsConstant: false }))
        {
            MoveBack(gather, table, operators, name);
        }
    }

    /// <summary>A table that something else reads would be there twice.</summary>
    private static bool IsEmbedding(Node node) =>
        node.Is("Gather") && node.Int("axis", 0) == 0 && node.Input(0) is { IsConstant: true, Consumers.Count: 1, Constant: { Type: ElementType.Float, Rank: 2 } };

    /// <summary>In their order, up to the last one whose result is all that is read of theirs.</summary>
    private static List<Node> OperatorsBehind(Node gather, int rank)
    {
        var (inside, found, count) = (new HashSet<Value> { gather.Output }, new List<Node>(), 0);
        foreach (var node in gather.Graph.Nodes.SkipWhile(node => node != gather).Skip(1).Where(node => IsElementwise(node, inside, gather.Input(0)!.Constant!.Dimensions[1], rank)))
        {
            found.Add(node);
            inside.Add(node.Output);
            if (inside.All(value => value == node.Output || (!value.IsGraphOutput && value.Consumers.All(use => found.Contains(use.Node)))))
            {
                count = found.Count;
            }
        }

        return found[..count];
    }

    /// <summary>With constants that have no more axes than the rows, which the result would have, too.</summary>
    private static bool IsElementwise(Node node, HashSet<Value> inside, long columns, int rank) =>
        (node.Domain.Length == 0 ? Elementwise.Contains(node.OpType) : RecognizeActivations.IsFastGelu(node))
        && node.Outputs is [{ IsGraphOutput: false }] && node.Inputs.OfType<Value>().Any(inside.Contains)
        && node.Inputs.OfType<Value>().All(input => inside.Contains(input)
            || (input is { IsConstant: true, Constant: { Type: ElementType.Float } constant } && (constant.Rank == 0 || constant.Dimensions[^1] == 1 || constant.Dimensions[^1] == columns)
                && constant.Rank <= rank && constant.Dimensions.SkipLast(1).All(length => length == 1)));

    /// <summary>Returns the Gather behind the operators.</summary>
    private static Node Move(Node gather, List<Node> operators)
    {
        var (graph, result) = (gather.Graph, operators[^1].Output);
        foreach (var use in gather.Output.Consumers.ToArray())
        {
            use.Node.SetInput(use.Index, gather.Input(0));
        }

        foreach (var (node, index) in operators.SelectMany(node => Enumerable.Range(0, node.Inputs.Count), (node, index) => (node, index)))
        {
            // Leading ones would give the table more axes than it has.
            if (node.Input(index) is { IsConstant: true, Constant: { Rank: > 2 } constant } value)
            {
                node.SetInput(index, graph.AddInitializer(value.Name + "_row", constant.Reshape([constant.ElementCount])));
            }
        }

        var readers = result.Consumers.ToArray();
        var moved = graph.AddNode("Gather", [result, gather.Input(1)], result.Name + "_rows", graph.Nodes.SkipWhile(node => node != operators[^1]).Skip(1).FirstOrDefault());
        moved.Name = gather.Name;
        foreach (var use in readers)
        {
            use.Node.SetInput(use.Index, moved.Output);
        }

        graph.Remove(gather);
        return moved;
    }

    private static void MoveBack(Node moved, Value table, List<Node> operators, string name)
    {
        var gather = moved.Graph.AddNode("Gather", [table, moved.Input(1)], name, operators[0]);
        gather.Name = moved.Name;
        foreach (var use in table.Consumers.Where(use => use.Node != gather).ToArray())
        {
            use.Node.SetInput(use.Index, gather.Output);
        }

        moved.Output.ReplaceAllUsesWith(operators[^1].Output);
        moved.Graph.Remove(moved);
    }
}
