using System.Collections.Immutable;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Reports;

/// <summary>Everything there is to say about one quantization; report.json has the same names in camel case.</summary>
public sealed record QuantizationReport
{
    /// <summary>Raised when a reader of report.json would misread a new one; an addition does not.</summary>
    public const int CurrentSchemaVersion = 1;

    public int SchemaVersion { get; init; } = CurrentSchemaVersion;

    /// <summary>The source model's path as it was given.</summary>
    public required string Model { get; init; }

    public required ImmutableSortedDictionary<string, string> Settings { get; init; }

    public required EnvironmentReport Environment { get; init; }

    public required SizeReport Size { get; init; }

    /// <summary>Null where there was no sample to compare the models on.</summary>
    public AccuracyReport? Accuracy { get; init; }

    public LatencyReport? Latency { get; init; }

    /// <summary>Null where ONNX Runtime's optimized graph could not be had.</summary>
    public AuditReport? Audit { get; init; }

    /// <summary>Null where nothing was to be pruned.</summary>
    public PruningReport? Pruning { get; init; }

    /// <summary>Null where nothing was searched for a gate.</summary>
    public SearchReport? Search { get; init; }

    /// <summary>Null where it was not asked for.</summary>
    public AnalysisReport? Analysis { get; init; }

    public ImmutableArray<GateReport> Gates { get; init; } = [];

    public ImmutableArray<OperatorReport> Operators { get; init; } = [];

    public ImmutableArray<TensorReport> Tensors { get; init; } = [];

    /// <summary>The inputs that the quantized model takes as integers; empty unless that was asked for.</summary>
    public ImmutableArray<InputReport> Inputs { get; init; } = [];

    /// <summary>The operators whose sums of products an x64 without VNNI may get wrong; empty where there is none, and where it was not looked for.</summary>
    public ImmutableArray<SaturationReport> Saturation { get; init; } = [];

    public ImmutableArray<StageReport> Stages { get; init; } = [];

    public long PeakMemoryBytes { get; init; }

    public ImmutableArray<Diagnostic> Diagnostics { get; init; } = [];
}

public sealed record EnvironmentReport(string Cpu, ImmutableArray<string> InstructionSets, string OnnxRuntime, int Threads);

public sealed record SizeReport(long FloatBytes, long QuantizedBytes);

/// <summary>A drop is positive when the quantized model is worse, whatever the metric's direction.</summary>
public sealed record AccuracyReport(string Metric, double Float, double Quantized, double Drop, int Samples)
{
    /// <summary>Which samples these are: the evaluation data, or the calibration samples that were held out.</summary>
    public required AccuracySource Source { get; init; }

    /// <summary>Of the drop, from the differences sample by sample: by about so much it would be another on other samples. Null for a single sample.</summary>
    public double? StandardError { get; init; }

    /// <summary>Below this agreement, which depends on the kind of the outputs, there is a warning where no limit is set; null where labels judge.</summary>
    public double? SufficientAgreement { get; init; }

    /// <summary>What each kind of x64 processor would see; empty for other targets, and where a model's operators do not let it be predicted.</summary>
    public ImmutableSortedDictionary<string, MachineAccuracy> ByMachine { get; init; } = ImmutableSortedDictionary<string, MachineAccuracy>.Empty;
}

/// <summary>
/// The quantized model's value on one kind of machine: measured on this one or predicted. A machine <paramref name="IsOfTarget"/> where
/// the gate has to hold on it.
/// </summary>
public sealed record MachineAccuracy(double Quantized, double Drop, bool IsPredicted, bool IsOfTarget);

public enum AccuracySource
{
    EvaluationData,
    HeldOutCalibrationData,
    CalibrationData,
}

public sealed record GateReport(string Name, double Limit, double Value, bool Passed);

/// <summary><paramref name="SqnrDb"/> is the signal-to-quantization-noise ratio at the operator's output, null where it stayed float.</summary>
public sealed record OperatorReport(string Name, string Type, OperatorDecision Decision, string Reason, double? SqnrDb)
{
    /// <summary>What it is part of that is known to break as INT8, whatever was decided; null for most.</summary>
    public string? Structure { get; init; }
}

public enum OperatorDecision
{
    Float,
    Int8,
    Int16,

    /// <summary>Integer kernels whose activations are quantized at run time.</summary>
    Dynamic,

    /// <summary>Integer weights, float activations.</summary>
    WeightOnly,
}

public sealed record TensorReport(string Name, double Min, double Max, double Scale, int ZeroPoint, string Method);

/// <summary>
/// An input of integers of <paramref name="Type"/>, each of which stands for (integer − <paramref name="ZeroPoint"/>) · <paramref name="Scale"/> of the float
/// model's; both null where each channel has its own.
/// </summary>
public sealed record InputReport(string Name, string Type, double? Scale, double? ZeroPoint)
{
    public ChannelInputReport? Channels { get; init; }
}

/// <summary>What the integers of an input's channels, along <paramref name="Axis"/>, stand for.</summary>
public sealed record ChannelInputReport(int Axis, ImmutableArray<double> Scales, ImmutableArray<double> ZeroPoints);

/// <summary>
/// An operator of which a processor without VNNI adds products in pairs that may exceed 16 bits. <paramref name="SaturatingPairs"/> of its
/// <paramref name="Pairs"/> of weights can, for activations between the smallest and the largest that the samples gave;
/// <paramref name="ChangedSums"/> is the share of its sums that are other numbers there.
/// </summary>
public sealed record SaturationReport(string Name, string Type, long Pairs, long SaturatingPairs, double ChangedSums);

/// <summary>One stage of the pipeline; <paramref name="Metric"/> is the accuracy after it, where it was measured.</summary>
public sealed record StageReport(string Name, double Seconds, double? Metric = null);
