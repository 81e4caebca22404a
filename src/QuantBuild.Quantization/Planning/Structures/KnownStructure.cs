using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Planning.Structures;

/// <summary>A row of <see cref="KnownStructures"/>: something in models that 8 bits are known to break.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Match">What the graph says of a node; null where it is not part of such a structure.</param>
internal sealed record KnownStructure(string Name, Func<Node, OperatorContext, StructureMatch?> Match)
{
    /// <summary>True where no scale would do: a node that is recognised is not made static.</summary>
    public bool RefusesStatic { get; init; }
}

/// <summary>A node that the graph shows to be part of a structure, if the ranges bear it out.</summary>
/// <param name="Values">The values whose ranges have to be known.</param>
/// <param name="Reason">From their spreads, null for those that no sample showed: why 8 bits lose much here; null where they do not.</param>
internal sealed record StructureMatch(ImmutableArray<Value> Values, Func<ImmutableArray<ValueSpread?>, string?> Reason);

/// <summary>What a node was found to be part of, and whether it is not made static for it.</summary>
internal sealed record RecognizedStructure(string Name, string Reason, bool RefusesStatic);
