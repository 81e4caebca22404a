using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Onnx.Storage;

/// <summary>
/// Memory in temporary files, for what is made of weights that are mapped themselves: such models need not fit into memory, nor does what
/// becomes of them. The files are gone when the process is.
/// </summary>
internal static class ScratchSpace
{
    /// <summary>Tensors share files of at least this many bytes.</summary>
    private const long SlabLength = 1L << 26;

    /// <summary>A cache line.</summary>
    private const long Alignment = 64;

    private static readonly Lock Gate = new();
    private static readonly WeakReference<FileMapping> Current = new(null!);
    private static long _used;
    private static long _capacity;
    private static string? _folder;

    /// <exception cref="QuantBuildException">The disk of the temporary folder has no room.</exception>
    public static Memory<byte> Allocate(int length)
    {
        lock (Gate)
        {
            if (!Current.TryGetTarget(out var slab) || _used + length > _capacity)
            {
                (_used, _capacity) = (0, Math.Max(SlabLength, length));
                slab = CreateSlab(_capacity);
                Current.SetTarget(slab);
            }

            var memory = slab.Slice(_used, length);
            _used += (length + Alignment - 1) / Alignment * Alignment;
            return memory;
        }
    }

    public static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Somebody may still look at it; its folder goes at the end.
        }
    }

    private static FileMapping CreateSlab(long length)
    {
        try
        {
            _folder ??= CreateFolder();
            return FileMapping.Create(Path.Combine(_folder, Guid.NewGuid().ToString("n")), length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuantBuildException(
                DiagnosticCodes.OutputNotWritable, $"{Path.GetTempPath()}: the temporary folder cannot take {length >> 20} MB, which a large model needs: {exception.Message} Make room, or set TMPDIR (on Windows TEMP) to another folder.", exception);
        }
    }

    private static string CreateFolder()
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // What is left is left to the system, which empties its temporary folder.
            }
        };
        return folder;
    }
}
