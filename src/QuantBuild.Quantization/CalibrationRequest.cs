using QuantBuild.Quantization.Calibration.Records;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>One shard of a calibration to make; <see cref="QuantizationRequest"/> says the rest.</summary>
public sealed record CalibrationRequest(string Model, string BaseDirectory, QuantizationSettings Settings, Shard Shard, int Threads);

/// <summary>
/// A .qcal file's content, and what went into it: <paramref name="Samples"/> of the <paramref name="TotalSamples"/> of the data,
/// and that many tensors.
/// </summary>
public sealed record CalibrationResult(ReadOnlyMemory<byte> Content, int Samples, int TotalSamples, int Tensors);
