using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Sensitivity;

/// <param name="Unit">The unit that is varied.</param>
/// <param name="Name">What its output is called in the chain.</param>
/// <param name="Varied">What takes its place.</param>
internal sealed record Place(QuantizedUnit Unit, string Name, Value Varied);

/// <summary>A model that has all values of a chain, by the same names, and beside them nodes that compute what takes the places of some.</summary>
internal sealed record VariationSource(Model Model, ImmutableArray<Place> Places)
{
    public VariationSource Within(Func<Place, bool> condition) => this with { Places = [.. Places.Where(condition)] };

    /// <summary>The values of the chain that are read, given the names of all that it has.</summary>
    public IEnumerable<string> Reads(IReadOnlySet<string> chain) =>
        Beside(chain).SelectMany(node => TopologicalOrder.Reads(node, Model.Graph)).Where(value => !value.HasConstant).Select(value => value.Name).Where(chain.Contains);

    /// <summary>What computes the varied values out of those of the chain.</summary>
    public GraphSegment Segment(IReadOnlySet<string> chain) =>
        GraphSegment.Making(Model, Beside(chain), [.. Places.Select(place => place.Varied).Distinct()], Optimization.Float);

    /// <summary>In an order in which they can run.</summary>
    private Node[] Beside(IReadOnlySet<string> chain)
    {
        var (members, open) = (new HashSet<Node>(), new Stack<Value>(Places.Select(place => place.Varied)));
        while (open.TryPop(out var value))
        {
            if (!chain.Contains(value.Name) && value.Producer is { } producer && members.Add(producer))
            {
                foreach (var read in TopologicalOrder.Reads(producer, Model.Graph))
                {
                    open.Push(read);
                }
            }
        }

        return [.. Model.Graph.Nodes.Where(members.Contains)];
    }
}
