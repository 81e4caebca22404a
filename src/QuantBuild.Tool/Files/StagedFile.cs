using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Files;

/// <summary>
/// A file that is written beside its place under another name, and moved there whole by <see cref="Commit"/>; disposing one
/// that was not committed leaves nothing behind.
/// </summary>
internal sealed class StagedFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;

    private StagedFile(string path, string temporary) => (_path, _temporary) = (path, temporary);

    /// <summary>Creates the directories that are missing.</summary>
    /// <exception cref="QuantBuildException">The path cannot be written.</exception>
    public static StagedFile Create(string path, ReadOnlyMemory<byte> content) => Create(path, stream => stream.Write(content.Span));

    /// <exception cref="QuantBuildException">The path cannot be written.</exception>
    public static StagedFile Create(string path, Action<Stream> write)
    {
        EnsureUsable(path);
        var full = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(full)!;
        var file = new StagedFile(path, Path.Combine(directory, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp"));
        try
        {
            Directory.CreateDirectory(directory);
            using var stream = File.Create(file._temporary);
            write(stream);
            return file;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            file.Dispose();
            throw NotWritable(path, exception.Message, exception);
        }
    }

    /// <summary>Finds what can be known before the work: a folder in the file's place, or a file in a folder's.</summary>
    /// <exception cref="QuantBuildException">The path cannot be written.</exception>
    public static void EnsureUsable(string path)
    {
        var full = Path.GetFullPath(path);
        if (Directory.Exists(full) || Path.EndsInDirectorySeparator(path))
        {
            throw NotWritable(path, "it names a folder");
        }

        for (var folder = Path.GetDirectoryName(full); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(folder))
            {
                throw NotWritable(path, $"{folder} is a file, not a folder");
            }
        }
    }

    public void Commit()
    {
        try
        {
            File.Move(_temporary, Path.GetFullPath(_path), overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(_path, exception.Message, exception);
        }
    }

    public void Dispose()
    {
        try
        {
            File.Delete(_temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What could not be created or was moved away need not be deleted; the cause is already on its way up
        }
    }

    private static QuantBuildException NotWritable(string path, string reason, Exception? cause = null) =>
        new(DiagnosticCodes.OutputNotWritable, $"{path}: the file cannot be written: {reason.TrimEnd('.')}. Choose another path, or make its folder writable.", cause);
}
