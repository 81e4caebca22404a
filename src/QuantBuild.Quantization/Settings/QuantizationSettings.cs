using System.Collections.Immutable;
using QuantBuild.Data;

namespace QuantBuild.Quantization.Settings;

/// <summary>All that a user can set for one model; <see cref="SettingDefinitions"/> reads it from names and values.</summary>
public sealed record QuantizationSettings
{
    public ImmutableArray<string> CalibrationData { get; init; } = [];

    /// <summary>A .qcal file; relative to the same folder as data patterns.</summary>
    public string? Calibration { get; init; }

    public ImmutableArray<string> EvaluationData { get; init; } = [];

    /// <summary>A name from the table of metrics; null takes what fits the evaluation data.</summary>
    public string? Metric { get; init; }

    /// <summary>The gate: how much worse, in the metric's own unit, the quantized model may be. Null sets no gate.</summary>
    public double? MaxAccuracyDrop { get; init; }

    /// <summary>The gate without labels: how far the quantized model must agree with the float model, in the unit of a metric of agreement. Null sets no gate.</summary>
    public double? MinAgreement { get; init; }

    /// <summary>What is done so that <see cref="MaxAccuracyDrop"/> and <see cref="MinAgreement"/> are kept.</summary>
    public AccuracyEffort AccuracyEffort { get; init; }

    /// <summary>How many candidates a search for the gate may evaluate.</summary>
    public int SearchBudget { get; init; } = 100;

    /// <summary>Null for those that the effort takes.</summary>
    public ImmutableArray<Correction>? Corrections { get; init; }

    /// <summary>The gate: how many times as fast as the float model as given, on one thread, the quantized one must be. Null sets no gate.</summary>
    public double? MinSpeedup { get; init; }

    /// <summary>Null for the one that the effort takes: <see cref="RangeMethod"/>.</summary>
    public CalibrationMethodName? CalibrationMethod { get; init; }

    /// <summary>How ranges are found. What takes no second look at the samples does for those who asked for speed.</summary>
    public CalibrationMethodName RangeMethod => CalibrationMethod ?? (AccuracyEffort == AccuracyEffort.Fast ? CalibrationMethodName.Mse : CalibrationMethodName.Auto);

    /// <summary>The share of the elements, in percent, that the method Percentile keeps.</summary>
    public double CalibrationPercentile { get; init; } = 99.999;

    public ModelFormat Format { get; init; }

    /// <summary>Null takes what the target's kernels want.</summary>
    public QuantizedType? ActivationType { get; init; }

    public QuantizedType? WeightType { get; init; }

    /// <summary>Null is false but for targets that read symmetric activations alone.</summary>
    public bool? ActivationSymmetric { get; init; }

    public bool? WeightSymmetric { get; init; }

    public WeightGranularity? WeightGranularity { get; init; }

    /// <summary>Weights in a block where <see cref="WeightGranularity"/> is per block.</summary>
    public int? BlockSize { get; init; }

    /// <summary>True for 7-bit weights, false for all 8 bits; null for as many as no x64 processor saturates on.</summary>
    public bool? ReduceRange { get; init; }

    public bool PowerOfTwoScales { get; init; }

    /// <summary>True for inputs that are the integers themselves.</summary>
    public bool FoldInput { get; init; }

    public TargetName Target { get; init; }

    /// <summary>A lock file; null takes the one beside the model where there is one.</summary>
    public string? Lock { get; init; }

    /// <summary>True to search anew and write what was found to the lock file.</summary>
    public bool UpdateLock { get; init; }

    /// <summary>True for the report to say what each operator does to the outputs.</summary>
    public bool Analyze { get; init; }

    /// <summary>How many samples an analysis takes: those whose float outputs are the least certain.</summary>
    public int AnalysisSamples { get; init; } = 64;

    /// <summary>Null removes none.</summary>
    public ChannelPruning? Channels { get; init; }

    /// <summary>Null makes no weight 0.</summary>
    public WeightSparsity? Sparsity { get; init; }

    /// <summary>How channels and weights that go are chosen.</summary>
    public Saliency Saliency { get; init; }

    /// <summary>Whether what stays makes up for what goes.</summary>
    public bool Refit { get; init; } = true;

    /// <summary>How often each sample is learned from after the least squares; null for as often as <see cref="AccuracyEffort"/> has it.</summary>
    public int? RefitEpochs { get; init; }

    public bool Prunes => Channels is not null || Sparsity is not null;

    public ImagePreprocessing Preprocessing { get; init; } = ImagePreprocessing.FromModel;

    public bool Uses(Correction correction) => Corrections?.Contains(correction) ?? correction switch
    {
        Correction.Equalization => false,
        Correction.Reconstruction => AccuracyEffort == AccuracyEffort.Best || (AccuracyEffort == AccuracyEffort.Balanced && IsLedByWeights),
        Correction.Rounding => AccuracyEffort != AccuracyEffort.Fast,
        _ => true,
    };

    /// <summary>True where the noise is that of the weights, since activations stay float, as kernels for blocks want them, or weights have few bits.</summary>
    private bool IsLedByWeights => Format == ModelFormat.WeightOnly || WeightGranularity == Settings.WeightGranularity.PerBlock || WeightType is QuantizedType.S4 or QuantizedType.U4;
}

public enum CalibrationMethodName
{
    MinMax,
    MeanMinMax,
    Percentile,
    Entropy,
    Mse,
    Auto,
    Uniform,
    Global,
}

public enum ModelFormat
{
    /// <summary>Operator by operator what is predicted to be the fastest: static as in <see cref="Qdq"/>, dynamic, weight-only or float.</summary>
    Auto,

    /// <summary>Float operators between QuantizeLinear and DequantizeLinear, which runtimes fuse.</summary>
    Qdq,

    /// <summary>Operators on integers: QLinearConv and its like.</summary>
    QOperator,

    /// <summary>Activations are quantized at run time; needs no calibration.</summary>
    Dynamic,

    /// <summary>Integer weights, float activations.</summary>
    WeightOnly,
}

public enum QuantizedType
{
    U8,
    S8,
    U16,
    S16,
    U4,
    S4,
}

/// <summary>Which weights share a scale.</summary>
public enum WeightGranularity
{
    PerTensor,
    PerChannel,
    PerBlock,
}

/// <summary>The machines that a model is made for.</summary>
public enum TargetName
{
    /// <summary>Every x64 processor, with VNNI and without.</summary>
    X64,

    /// <summary>x64 with AVX-VNNI or AVX512-VNNI.</summary>
    Vnni,
    Arm64,

    /// <summary>Symmetric types and float biases, as TensorRT and OpenVINO read them.</summary>
    Portable,
}
