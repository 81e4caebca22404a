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

    public CalibrationMethodName CalibrationMethod { get; init; }

    /// <summary>The share of the elements, in percent, that the method Percentile keeps.</summary>
    public double CalibrationPercentile { get; init; } = 99.999;

    public ModelFormat Format { get; init; }

    public QuantizedType ActivationType { get; init; } = QuantizedType.U8;

    public QuantizedType WeightType { get; init; } = QuantizedType.S8;

    public TargetName Target { get; init; }

    public ImagePreprocessing Preprocessing { get; init; } = ImagePreprocessing.FromModel;
}

public enum CalibrationMethodName
{
    MinMax,
    MeanMinMax,
    Percentile,
    Entropy,
    Mse,
    Auto,
    Global,
}

public enum ModelFormat
{
    Qdq,
}

public enum QuantizedType
{
    U8,
    S8,
}

/// <summary>The machines that a model is made for.</summary>
public enum TargetName
{
    X64,
}
