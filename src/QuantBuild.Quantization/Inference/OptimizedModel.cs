using Microsoft.ML.OnnxRuntime;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Inference;

/// <summary>What ONNX Runtime makes of a model when an application loads it: operators fused, and elements in the order that its kernels want.</summary>
internal static class OptimizedModel
{
    private const string DataFile = "session.optimized_model_external_initializers_file_name";

    /// <summary>Hands over the model, which is gone when <paramref name="read"/> returns: weights of many bytes are mapped.</summary>
    /// <exception cref="InferenceException">ONNX Runtime refuses the model, or cannot write its graph.</exception>
    public static T Read<T>(Model model, Func<Model, T> read)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-");
        try
        {
            var path = Path.Combine(folder.FullName, "optimized.onnx");
            Write(model, path);
            return read(OnnxFile.Read(path));
        }
        finally
        {
            Delete(folder);
        }
    }

    private static void Write(Model model, string path)
    {
        var (bytes, folder) = OnnxFile.ToReferringBytes(model);
        using var options = InferenceModel.Options(Optimization.AsDeployed);
        options.OptimizedModelFilePath = path;
        options.AddSessionConfigEntry(InferenceModel.DisablePrepacking, "1");
        if (folder is not null)
        {
            options.AddSessionConfigEntry(InferenceModel.ExternalDataFolder, folder);
            options.AddSessionConfigEntry(DataFile, "optimized.data");
        }

        try
        {
            new InferenceSession(bytes, options).Dispose();
        }
        catch (OnnxRuntimeException) when (File.Exists(path))
        {
            // The graph is there, and only the .NET API could not name the type of an input.
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InferenceException(exception.Message.ReplaceLineEndings(" "), exception);
        }

        GC.KeepAlive(model);
    }

    private static void Delete(DirectoryInfo folder)
    {
        try
        {
            folder.Delete(recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Weights may still be mapped; the system empties its temporary folder.
        }
    }
}
