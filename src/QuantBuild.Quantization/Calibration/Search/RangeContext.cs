using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>All that a method may look at: of the tensors that <paramref name="Placement"/> quantizes, what was gathered.</summary>
internal sealed record RangeContext(
    Model Model, ModelForm Form, Placement Placement, ImmutableDictionary<string, TensorStatistics> Statistics, RangeOptions Options, MeasuredSamples Measured);

/// <summary>Samples to measure ranges on.</summary>
/// <param name="Run">Some.</param>
/// <param name="Calibrating">All that there are: those that calibrate, or what a calibration holds of them.</param>
/// <param name="PassLength">How many calibration saw: methods may take so many passes more.</param>
internal sealed record MeasuredSamples(SampleRun Run, SampleRun Calibrating, int PassLength);
