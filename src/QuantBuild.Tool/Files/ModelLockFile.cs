using QuantBuild.Quantization;
using QuantBuild.Tool.CommandLine;

namespace QuantBuild.Tool.Files;

/// <summary>The lock file of a request, where one is to be written.</summary>
internal static class ModelLockFile
{
    /// <summary>Finds before the work that the lock file would take the place of a folder or of something that is read.</summary>
    /// <param name="request">A lock file of it that exists is itself only replaced.</param>
    /// <param name="option">What names the file.</param>
    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The lock file must not or cannot be written, or the model or the data cannot be used.</exception>
    public static void EnsureWritable(QuantizationRequest request, string option)
    {
        ToolOptions.EnsureWritable(option, request.LockPath, [request.Model, .. ToolOptions.FilesOf(request.Settings)]);
        ToolOptions.EnsureNotRead(request with { Settings = request.Settings with { UpdateLock = true } }, (option, request.LockPath));
    }

    /// <summary>Null where there is none to write. A file that holds the same is left alone: it may be an input of the build.</summary>
    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The lock file cannot be written.</exception>
    public static StagedFile? Stage(QuantizationRequest request, ReadOnlyMemory<byte>? content) =>
        content is { } bytes && !(File.Exists(request.LockPath) && bytes.Span.SequenceEqual(File.ReadAllBytes(request.LockPath)))
            ? StagedFile.Create(request.LockPath, bytes)
            : null;

    /// <exception cref="Onnx.Diagnostics.QuantBuildException">The lock file cannot be written.</exception>
    public static void Write(QuantizationRequest request, ReadOnlyMemory<byte>? content)
    {
        using var file = Stage(request, content);
        file?.Commit();
    }
}
