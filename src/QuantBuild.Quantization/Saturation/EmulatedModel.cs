using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Saturation;

/// <summary>
/// A model as another kind of x64 processor would run it: the units that saturate there are emulated, whatever lies between them is run by ONNX Runtime.
/// </summary>
internal sealed class EmulatedModel : IDisposable
{
    private readonly ImmutableArray<Stage> _stages;
    private readonly bool _saturates;

    /// <param name="optimized">The graph that ONNX Runtime executes, without control flow.</param>
    /// <param name="units">Operators of it.</param>
    /// <param name="saturates">True for a processor without VNNI.</param>
    public EmulatedModel(Model optimized, IReadOnlyCollection<IntegerUnit> units, bool saturates)
    {
        _saturates = saturates;
        var depths = Depths(optimized.Graph, units);
        var (skeleton, nodes) = WithoutWeights(optimized, units);
        var wanted = optimized.Graph.Outputs.Select(value => value.Name).ToHashSet();
        _stages =
        [
            .. depths.GroupBy(entry => entry.Value, entry => entry.Key).OrderBy(group => group.Key).Select(group =>
            {
                Node[] members = [.. group.Where(nodes.ContainsKey).Select(node => nodes[node])];
                return new Stage(members.Length == 0 ? null : new GraphSegment(skeleton, members, wanted, Optimization.None), [.. units.Where(unit => depths[unit.Node] == group.Key)]);
            }),
        ];
        Constants = optimized.Graph.Outputs.Where(output => output.IsConstant).ToImmutableDictionary(output => output.Name, output => output.Constant!);
    }

    private ImmutableDictionary<string, TensorData> Constants { get; }

    /// <summary>Runs the model and returns its outputs in the order of the names. Runs may overlap.</summary>
    public TensorData[] Run(SampleInputs inputs, IReadOnlyList<string> outputs)
    {
        var known = inputs.Tensors.Concat(Constants).ToDictionary();
        foreach (var stage in _stages)
        {
            stage.Segment?.Run(inputs, known);
            foreach (var unit in stage.Units)
            {
                known[unit.Node.Output.Name] = unit.Run(known, _saturates);
            }
        }

        return [.. outputs.Select(name => known[name])];
    }

    public void Dispose()
    {
        foreach (var stage in _stages)
        {
            stage.Segment?.Dispose();
        }
    }

    /// <summary>How many units lie before each node, on the way with the most.</summary>
    private static Dictionary<Node, int> Depths(Graph graph, IReadOnlyCollection<IntegerUnit> units)
    {
        var emulated = units.Select(unit => unit.Node).ToHashSet();
        var depths = new Dictionary<Node, int>();
        foreach (var node in graph.Nodes)
        {
            depths[node] = node.Inputs.Select(input => input?.Producer is { } producer ? depths[producer] + (emulated.Contains(producer) ? 1 : 0) : 0).DefaultIfEmpty(0).Max();
        }

        return depths;
    }

    /// <summary>
    /// A copy without the constants of the units, so that copies of it are cheap, and a map to its nodes from all nodes but the units.
    /// </summary>
    private static (Model Skeleton, Dictionary<Node, Node> Nodes) WithoutWeights(Model optimized, IEnumerable<IntegerUnit> units)
    {
        var skeleton = optimized.Clone();
        var nodes = optimized.Graph.Nodes.Zip(skeleton.Graph.Nodes).ToDictionary(pair => pair.First, pair => pair.Second);
        skeleton.Graph.SetOutputs([]);
        foreach (var unit in units)
        {
            nodes.Remove(unit.Node, out var node);
            foreach (var constant in node!.Inputs.OfType<Value>().Where(input => input.IsConstant).Distinct().ToArray())
            {
                Release(node, constant);
            }
        }

        return (skeleton, nodes);
    }

    private static void Release(Node node, Value constant)
    {
        foreach (var use in constant.Consumers.Where(use => use.Node == node).ToArray())
        {
            node.SetInput(use.Index, null);
        }

        if (constant.Consumers.Count == 0)
        {
            node.Graph.RemoveInitializer(constant);
        }
    }

    private sealed record Stage(GraphSegment? Segment, ImmutableArray<IntegerUnit> Units);
}
