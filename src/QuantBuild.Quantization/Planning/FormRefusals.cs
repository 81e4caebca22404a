using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning;

/// <summary>Forms that nodes are not to have, with the reasons.</summary>
internal sealed record FormRefusals(ImmutableDictionary<(Node Node, UnitForm Form), string> Reasons)
{
    public static FormRefusals None { get; } = new(ImmutableDictionary<(Node, UnitForm), string>.Empty);

    public string? ReasonFor(Node node, UnitForm form) => Reasons.GetValueOrDefault((node, form));

    public FormRefusals With(Node node, UnitForm form, string reason) => new(Reasons.SetItem((node, form), reason));

    public FormRefusals With(IEnumerable<Node> nodes, IEnumerable<UnitForm> forms, string reason) =>
        new(Reasons.SetItems(nodes.SelectMany(_ => forms, (node, form) => KeyValuePair.Create((node, form), reason))));

    /// <summary>No node is to be static but those that are in <paramref name="placement"/>: what is known of ranges is known of theirs alone.</summary>
    public FormRefusals Within(Placement placement)
    {
        var known = placement.Units.Where(unit => unit.Form == UnitForm.Static).Select(unit => unit.Node).ToHashSet();
        return new(Reasons.SetItems(placement.Reasons.Keys.Concat(placement.Units.Select(unit => unit.Node)).Where(node => !known.Contains(node))
            .Select(node => KeyValuePair.Create((node, UnitForm.Static), placement.Reasons.GetValueOrDefault(node, "another form is faster")))));
    }
}
