using System.IO.MemoryMappedFiles;

namespace QuantBuild.Onnx.Storage;

/// <summary>
/// A file as memory: its pages are read when they are touched, and the system may drop them again, so that they are no memory of the
/// process's own. It lives as long as anything refers to it.
/// </summary>
internal sealed unsafe class FileMapping
{
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly long _scratchLength;
    private bool _isCondemned;

    private FileMapping(FileStream stream, MemoryMappedFileAccess access, long scratchLength)
    {
        Path = stream.Name;
        using var file = MemoryMappedFile.CreateFromFile(stream, null, 0, access, HandleInheritability.None, leaveOpen: false);
        _view = file.CreateViewAccessor(0, 0, access);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _scratchLength = scratchLength;
        if (scratchLength > 0)
        {
            // Only with it does the collector look for scratch files that nothing needs.
            GC.AddMemoryPressure(scratchLength);
        }
    }

    /// <summary>Of a link, the length of the file that it leads to: model hubs keep their caches so.</summary>
    public static long LengthOf(string path)
    {
        using var file = File.OpenHandle(path);
        return RandomAccess.GetLength(file);
    }

    /// <summary>
    /// A span does not keep its mapping alive, and may outlive the last reference to it by the rest of a loop. So the first finalization only
    /// asks for a second.
    /// </summary>
    ~FileMapping()
    {
        if (!_isCondemned)
        {
            _isCondemned = true;
            GC.ReRegisterForFinalize(this);
            return;
        }

        // The handle has finalized itself by now, and waits for the pointer alone. Disposing the view would write its pages to the disk first.
        if (_scratchLength > 0)
        {
            ScratchSpace.Delete(Path);
            GC.RemoveMemoryPressure(_scratchLength);
        }

        _view.SafeMemoryMappedViewHandle.ReleasePointer();
    }

    public string Path { get; }

    /// <summary>Maps a file that exists, to be read.</summary>
    public static FileMapping Open(string path) =>
        new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete), MemoryMappedFileAccess.Read, scratchLength: 0);

    /// <summary>Makes a file of this length, which is deleted when nothing refers to the mapping any more.</summary>
    /// <exception cref="IOException">The disk has no room for it.</exception>
    public static FileMapping Create(string path, long length)
    {
        var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            // Room is reserved now: a disk that is full shows in an exception, not when a page is touched.
            PreallocationSize = length,
        });
        stream.SetLength(length);
        return new(stream, MemoryMappedFileAccess.ReadWrite, length);
    }

    public Memory<byte> Slice(long offset, int length) => length == 0 ? default : new FileMemory(this, offset, length).Memory;

    public Span<byte> Span(long offset, int length) => new(_start + offset, length);

    public byte* Pointer(long offset) => _start + offset;
}
