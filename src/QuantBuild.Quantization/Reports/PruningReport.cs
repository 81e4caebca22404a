using System.Collections.Immutable;

namespace QuantBuild.Quantization.Reports;

/// <summary>What was taken out of the float model before it was quantized, and what that costs.</summary>
/// <param name="Removed">Channels that are gone.</param>
/// <param name="Channels">Channels that could be pruned.</param>
/// <param name="Refitted">Layers whose other weights made up for them.</param>
public sealed record PruningReport(int Removed, int Channels, int Refitted)
{
    /// <summary>Weights of the prepared model.</summary>
    public required long ParametersBefore { get; init; }

    public required long Parameters { get; init; }

    /// <summary>How many of them are 0. ONNX Runtime's kernels multiply by them all the same; what they save is bytes of a packed file.</summary>
    public required long Zeros { get; init; }

    /// <summary>The result, compressed as packages are.</summary>
    public long CompressedBytes { get; init; }

    /// <summary>The float model as given, compressed.</summary>
    public long CompressedFloatBytes { get; init; }

    /// <summary>The pruned float model against the float model as given; what is left of the drop is quantization's.</summary>
    public AccuracyReport? Accuracy { get; init; }

    /// <summary>Null where nothing was removed, or <c>Refit</c> is off.</summary>
    public DistillationReport? Distillation { get; init; }

    public ImmutableArray<PrunedGroupReport> Groups { get; init; } = [];

    /// <summary>With Sparsity: every layer.</summary>
    public ImmutableArray<PrunedLayerReport> Layers { get; init; } = [];
}

/// <param name="Name">The layer that makes the channels; a number tells groups of the same layer apart.</param>
/// <param name="Channels">How many there are.</param>
/// <param name="Removed">How many of them are gone.</param>
/// <param name="Reason">Why none can be; null where some can.</param>
public sealed record PrunedGroupReport(string Name, int Channels, int Removed, string? Reason);

/// <param name="Name">The layer's.</param>
/// <param name="Reason">Why it keeps its weights; null where some are 0.</param>
public sealed record PrunedLayerReport(string Name, string? Reason);

/// <param name="Epochs">Passes over the samples in which the rest learned the outputs of the float model.</param>
/// <param name="ErrorBefore">Of the outputs, as a share of their energy, on samples set aside; after the refit, or as it was where there was none.</param>
/// <param name="ErrorAfter">The same at the end.</param>
/// <param name="Reason">Why nothing could be learned; null where something could.</param>
public sealed record DistillationReport(int Epochs, double ErrorBefore, double ErrorAfter, string? Reason);
