using System.Collections.Immutable;

namespace QuantBuild.Quantization.Reports;

/// <summary>
/// What ONNX Runtime makes of a quantized model on this machine, when an application loads it: how many nodes of each type read integers, how
/// many Q and DQ still run, and which of those are not the border of an INT8 region.
/// </summary>
public sealed record AuditReport(
    ImmutableSortedDictionary<string, int> Kernels, int Quantize, int Dequantize, ImmutableArray<LeftOverReport> LeftOver)
{
    /// <summary>The Q and DQ that the file holds; the others of them became part of kernels, or cancelled each other.</summary>
    public int Written { get; init; }
}

/// <summary>What a better place for one Q or DQ would avoid, at an operator as the user knows it.</summary>
public sealed record LeftOverReport(string Operator, LeftOverKind Kind, string Reason);

public enum LeftOverKind
{
    /// <summary>An operator that was meant to run on integers and runs in float.</summary>
    UnfusedUnit,

    /// <summary>A Q and a DQ with no computation on integers between them.</summary>
    Pair,

    /// <summary>Integer weights that become float again at every run.</summary>
    Weights,
}
