using System.Buffers.Binary;
using System.Collections.Immutable;

namespace QuantBuild.Data.Formats;

/// <summary>What stands before the bytes of an IDX file: two zeros, the type, the rank and the dimensions, big endian.</summary>
internal sealed record IdxHeader(ImmutableArray<int> Shape)
{
    private const byte UnsignedByte = 8;

    public int Length => 4 + (4 * Shape.Length);

    public static IdxHeader Read(Stream stream, string source)
    {
        Span<byte> start = stackalloc byte[4];
        if (stream.ReadAtLeast(start, 4, throwOnEndOfStream: false) < 4 || start[0] != 0 || start[1] != 0 || start[3] == 0)
        {
            throw SampleError.Unreadable(source, start[..2].SequenceEqual((ReadOnlySpan<byte>)[0x1F, 0x8B])
                ? "the file is gzipped; unpack it with gunzip"
                : "not an IDX file: it does not start with two zeros, a type and a rank");
        }

        if (start[2] != UnsignedByte)
        {
            throw SampleError.Type(source, $"the IDX file has elements of type 0x{start[2]:X2}; only unsigned bytes (0x08) are read: save the data as .npy.");
        }

        var bytes = new byte[4 * start[3]];
        stream.ReadExactly(bytes);
        ImmutableArray<int> shape = [.. bytes.Chunk(4).Select(part => BinaryPrimitives.ReadInt32BigEndian(part))];
        var promised = Product(shape);
        return shape.All(dimension => dimension >= 0) && 4 + bytes.Length + promised == stream.Length
            ? new IdxHeader(shape)
            : throw SampleError.Unreadable(source, $"the file has {stream.Length} bytes and its header promises [{string.Join(',', shape)}]: it is truncated or damaged");
    }

    /// <summary>Saturates far beyond any file's length.</summary>
    private static double Product(ImmutableArray<int> shape) => shape.Aggregate(1.0, (product, dimension) => product * dimension);
}
