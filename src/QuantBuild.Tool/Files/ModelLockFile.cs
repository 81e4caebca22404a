using QuantBuild.Quantization;

namespace QuantBuild.Tool.Files;

/// <summary>The lock file of a request, where one is to be written.</summary>
internal static class ModelLockFile
{
    /// <summary>True where the request asks for a lock file and there is none yet.</summary>
    public static bool IsDue(QuantizationRequest request) => request.Settings.UpdateLock && !File.Exists(request.LockPath);

    /// <summary>Leaves a file that holds the same alone: it may be an input of the build.</summary>
    public static void Write(QuantizationRequest request, ReadOnlyMemory<byte>? content)
    {
        if (content is { } bytes && !(File.Exists(request.LockPath) && bytes.Span.SequenceEqual(File.ReadAllBytes(request.LockPath))))
        {
            using var file = StagedFile.Create(request.LockPath, bytes);
            file.Commit();
        }
    }
}
