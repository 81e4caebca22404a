using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Inference;

/// <summary>Models as an application loads them; who is to blame where one does not load is in the code of the error.</summary>
internal static class DeployedModels
{
    /// <summary>What a run of the model needs; finds out early whether ONNX Runtime takes the model at all.</summary>
    public static ImmutableArray<InputSpecification> InputsOf(Model model, string path)
    {
        using var session = LoadGiven(model, path, Optimization.None, 1);
        return session.Inputs;
    }

    public static InferenceModel LoadGiven(Model model, string path, int threads = 1) => LoadGiven(model, path, Optimization.AsDeployed, threads);

    public static InferenceModel LoadResult(Model model, string path, int threads = 1)
    {
        try
        {
            return InferenceModel.Load(model, Optimization.AsDeployed, threads);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(
                DiagnosticCodes.ResultNotLoadable, $"{path}: the quantized model does not load, and nothing was written: {exception.Message} Please report this with the model.", exception);
        }
    }

    private static InferenceModel LoadGiven(Model model, string path, Optimization optimization, int threads)
    {
        try
        {
            return InferenceModel.Load(model, optimization, threads);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(
                DiagnosticCodes.ModelNotLoadable, $"{path}: ONNX Runtime {InferenceModel.RuntimeVersion} cannot load the model: {exception.Message}", exception);
        }
    }
}
