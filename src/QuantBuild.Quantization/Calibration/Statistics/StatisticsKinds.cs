namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>What is gathered of a tensor beside its range and its counts.</summary>
[Flags]
internal enum StatisticsKinds
{
    None = 0,

    /// <summary>The ends of every sample's own range.</summary>
    SampleEnds = 1,

    Histogram = 2,

    All = SampleEnds | Histogram,
}
