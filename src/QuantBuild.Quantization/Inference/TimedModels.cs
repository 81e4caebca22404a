using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>One model in three forms, as an application loads each: as it was given, prepared, quantized.</summary>
internal sealed record TimedModels(InferenceModel Given, InferenceModel Prepared, InferenceModel Quantized, int Threads) : IDisposable
{
    public void Dispose()
    {
        Given.Dispose();
        Prepared.Dispose();
        Quantized.Dispose();
    }
}

/// <summary>The same before they are loaded; <paramref name="Path"/> is what messages call them.</summary>
internal sealed record ModelForms(Model Given, Model Prepared, Model Quantized, string Path)
{
    /// <summary>Sessions of one thread, then of as many as an application has that sets nothing. Large models are not loaded a second time.</summary>
    public IEnumerable<Func<TimedModels>> Sessions
    {
        get
        {
            yield return () => Load(1);
            if (Machine.PhysicalCores > 1 && !InferenceModel.IsLarge(Given))
            {
                yield return () => Load(Machine.PhysicalCores);
            }
        }
    }

    private TimedModels Load(int threads)
    {
        var given = Task.Run(() => DeployedModels.LoadGiven(Given, Path, threads));
        var prepared = Task.Run(() => DeployedModels.LoadResult(Prepared, Path, threads));
        var quantized = Task.Run(() => DeployedModels.LoadResult(Quantized, Path, threads));
        Task.WhenAll(given, prepared, quantized).GetAwaiter().GetResult();
        return new(given.Result, prepared.Result, quantized.Result, threads);
    }
}
