using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace QuantBuild.Data.Tests;

/// <summary>Writes small data files in memory.</summary>
internal static class FileBytes
{
    public static byte[] Npy<T>(string descriptor, ReadOnlySpan<long> shape, params ReadOnlySpan<T> elements)
        where T : unmanaged
    {
        var tuple = string.Concat(shape.ToArray().Select(dimension => $"{dimension}, "));
        var header = $"{{'descr': '{descriptor}', 'fortran_order': False, 'shape': ({tuple}), }}\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. MemoryMarshal.AsBytes(elements)];
    }

    public static byte[] Npz(params ReadOnlySpan<(string Key, byte[] Array)> arrays)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (key, array) in arrays)
            {
                using var entry = archive.CreateEntry($"{key}.npy").Open();
                entry.Write(array);
            }
        }

        return stream.ToArray();
    }

    public static byte[] Idx(ReadOnlySpan<int> shape, params ReadOnlySpan<byte> elements)
    {
        var dimensions = new byte[4 * shape.Length];
        for (var axis = 0; axis < shape.Length; axis++)
        {
            BinaryPrimitives.WriteInt32BigEndian(dimensions.AsSpan(4 * axis), shape[axis]);
        }

        return [0, 0, 8, (byte)shape.Length, .. dimensions, .. elements];
    }

    /// <summary>A grey PNG; the pixels are stored as they are.</summary>
    public static byte[] Png(int width, int height, params ReadOnlySpan<byte> pixels) => Png(width, height, 0, pixels);

    public static byte[] ColourPng(int width, int height, params ReadOnlySpan<byte> pixels) => Png(width, height, 2, pixels);

    private static byte[] Png(int width, int height, byte colourType, ReadOnlySpan<byte> pixels)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, colourType);
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true))
        {
            var stride = pixels.Length / height;
            for (var y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(y * stride, stride));
            }
        }

        return [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, data.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] content)
    {
        byte[] checkedPart = [.. type, .. content];
        var (length, checksum) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(checksum, Crc32.HashToUInt32(checkedPart));
        return [.. length, .. checkedPart, .. checksum];
    }
}
