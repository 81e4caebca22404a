using System.Buffers;
using System.Runtime.InteropServices;

namespace QuantBuild.Onnx.Storage;

/// <summary>A part of a mapped file, as the memory that tensors are made of.</summary>
internal sealed unsafe class FileMemory(FileMapping mapping, long offset, int length) : MemoryManager<byte>
{
    /// <summary>Where the bytes lie on the disk; null where they lie in memory alone.</summary>
    public static FileRegion? RegionOf(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetMemoryManager<byte, FileMemory>(bytes, out var manager, out var start, out var length)
            ? manager!.Region(start, length)
            : null;

    public override Span<byte> GetSpan() => mapping.Span(offset, length);

    /// <summary>Mapped memory never moves; the handle keeps the mapping alive.</summary>
    public override MemoryHandle Pin(int elementIndex = 0) => new(mapping.Pointer(offset + elementIndex), GCHandle.Alloc(mapping), this);

    public override void Unpin()
    {
        // The handle frees what it holds.
    }

    protected override void Dispose(bool disposing)
    {
        // The mapping belongs to all its parts.
    }

    private FileRegion Region(int start, int count) => new(mapping.Path, offset + start, count);
}
