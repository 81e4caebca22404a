using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Inference;

/// <summary>Models as an application loads them; who is to blame where one does not load is in the code of the error.</summary>
internal static class DeployedModels
{
    public static InferenceModel LoadGiven(Model model, string path)
    {
        try
        {
            return InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.AsDeployed);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(
                DiagnosticCodes.ModelNotLoadable, $"{path}: ONNX Runtime {InferenceModel.RuntimeVersion} cannot load the model: {exception.Message}", exception);
        }
    }

    public static InferenceModel LoadResult(byte[] bytes, string path)
    {
        try
        {
            return InferenceModel.Load(bytes, Optimization.AsDeployed);
        }
        catch (InferenceException exception)
        {
            throw new QuantBuildException(
                DiagnosticCodes.ResultNotLoadable, $"{path}: the quantized model does not load, and nothing was written: {exception.Message} Please report this with the model.", exception);
        }
    }
}
