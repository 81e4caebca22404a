using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Locks;

/// <summary>Groups of units that hand quantized values to one another; a unit that is not static is a group of its own.</summary>
internal static class Regions
{
    public static ImmutableArray<ImmutableArray<Node>> Of(Placement placement)
    {
        var regions = new List<List<Node>>();
        var regionOf = new Dictionary<Node, List<Node>>();
        foreach (var unit in placement.Units)
        {
            var neighbours = unit.Form != UnitForm.Static ? [] : unit.Inputs.Select(placement.ProducerOf).OfType<QuantizedUnit>()
                .Select(producer => regionOf.GetValueOrDefault(producer.Node)).OfType<List<Node>>().Distinct().ToArray();
            var region = neighbours.FirstOrDefault() ?? [];
            if (neighbours.Length == 0)
            {
                regions.Add(region);
            }

            foreach (var other in neighbours.Skip(1))
            {
                regions.Remove(other);
                region.AddRange(other);
                other.ForEach(node => regionOf[node] = region);
            }

            region.Add(unit.Node);
            regionOf[unit.Node] = region;
        }

        return [.. regions.Select(region => region.ToImmutableArray())];
    }

    /// <summary>The first, or last, so many layers of a region with what goes with them, in the order of the graph; nothing where that is more than half of it.</summary>
    public static ImmutableArray<Node> EndOf(ImmutableArray<Node> region, Placement placement, int length, bool isFirst)
    {
        QuantizedUnit[] units = [.. placement.Units.Where(unit => region.Contains(unit.Node))];
        QuantizedUnit[] layers = [.. units.Where(unit => unit.Rule.Role == OperatorRole.Linear)];
        return length * 2 > layers.Length ? []
            : isFirst ? [.. units.TakeWhile(unit => unit != layers[length]).Select(unit => unit.Node)]
            : [.. units.SkipWhile(unit => unit != layers[^length]).Select(unit => unit.Node)];
    }
}
