using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>
/// One model to quantize. <paramref name="Model"/> is the source file and is never written to; relative data patterns start
/// at <paramref name="BaseDirectory"/>; <paramref name="Threads"/> is the parallelism of the build, not of the model.
/// </summary>
public sealed record QuantizationRequest(string Model, string BaseDirectory, QuantizationSettings Settings, int Threads)
{
    /// <summary>Begins the name of the data file that a large result has beside it; by default the model's own name.</summary>
    public string OutputName { get; init; } = Path.GetFileNameWithoutExtension(Model);

    /// <summary>Where the lock file is or would be: <c>digits.quantbuild.json</c> beside <c>digits.onnx</c>, if no other is set.</summary>
    public string LockPath => Path.GetFullPath(Settings.Lock ?? Path.GetFullPath(Path.ChangeExtension(Model, ".quantbuild.json")), Path.GetFullPath(BaseDirectory));

    /// <summary>True for the pruned float model as the result.</summary>
    public bool PrunesOnly { get; init; }

    /// <summary>False leaves latency out of the report, which takes a second: for very many small models.</summary>
    public bool MeasuresLatency { get; init; } = true;
}

/// <summary>How far a stage is: <paramref name="Done"/> of <paramref name="Total"/> steps.</summary>
public sealed record QuantizationProgress(string Stage, int Done, int Total);
