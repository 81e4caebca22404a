using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Calibration.Search;

/// <summary>All that a method may look at: of the tensors that <paramref name="Placement"/> quantizes, what was gathered.</summary>
internal sealed record RangeContext(
    Model Model, ModelForm Form, Placement Placement, ImmutableDictionary<string, TensorStatistics> Statistics, RangeOptions Options, MeasuredSamples Measured);

/// <summary>Samples to measure ranges on. <paramref name="PassLength"/> is how many calibration saw: methods may take so many passes more.</summary>
internal sealed record MeasuredSamples(SampleRun Run, int PassLength);
