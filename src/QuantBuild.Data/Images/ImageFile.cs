using System.Buffers.Binary;
using System.IO.Hashing;

namespace QuantBuild.Data.Images;

/// <summary>
/// Whether the bytes of an image file are complete. The decoder is lenient: it takes missing bytes for zeros and compares
/// no checksum, so that a damaged file would calibrate a model without a word.
/// </summary>
internal static class ImageFile
{
    /// <summary>More is a damaged header, or too much to calibrate with.</summary>
    public const int MostPixels = 1 << 27;

    private static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Null where nothing is wrong. The content decides, not the name: many a .png is a JPEG.</summary>
    public static string? FindDamage(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(PngSignature))
        {
            return FindPngDamage(bytes[PngSignature.Length..]);
        }

        if (bytes.Length > 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF)
        {
            return FindJpegDamage(bytes);
        }

        return bytes.StartsWith("BM"u8) ? FindBmpDamage(bytes) : "its content is neither PNG nor JPEG nor BMP";
    }

    private static string? FindPngDamage(ReadOnlySpan<byte> chunks)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            if (chunks.Length < 12 || BinaryPrimitives.ReadUInt32BigEndian(chunks) is var length && length > chunks.Length - 12)
            {
                return "the PNG is truncated";
            }

            var content = chunks.Slice(4, 4 + (int)length);
            chunks = chunks[(8 + (int)length)..];
            if (Crc32.HashToUInt32(content) != BinaryPrimitives.ReadUInt32BigEndian(chunks))
            {
                return "the PNG is damaged: a checksum is wrong";
            }

            if (isFirst && TooManyPixels(content) is { } problem)
            {
                return problem;
            }

            if (content.StartsWith("IEND"u8))
            {
                return null;
            }

            chunks = chunks[4..];
        }
    }

    private static string? TooManyPixels(ReadOnlySpan<byte> header)
    {
        if (!header.StartsWith("IHDR"u8) || header.Length != 17)
        {
            return "the PNG is damaged: it has no header";
        }

        return CheckSize(BinaryPrimitives.ReadUInt32BigEndian(header[4..]), BinaryPrimitives.ReadUInt32BigEndian(header[8..]));
    }

    private static string? FindJpegDamage(ReadOnlySpan<byte> bytes)
    {
        var rest = bytes[2..];
        while (rest.Length >= 4 && rest[0] == 0xFF)
        {
            var marker = rest[1];
            if (marker == 0xFF)
            {
                rest = rest[1..];
                continue;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]) + 2;
            if (length < 4 || length > rest.Length)
            {
                return "the JPEG is truncated";
            }

            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) && length > 9
                && CheckSize(BinaryPrimitives.ReadUInt16BigEndian(rest[7..]), BinaryPrimitives.ReadUInt16BigEndian(rest[5..])) is { } problem)
            {
                return problem;
            }

            rest = rest[length..];
            if (marker == 0xDA)
            {
                // In entropy-coded data FF is followed by 00 or a restart, so that FF D9 is the end
                return rest.IndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) < 0 ? "the JPEG is truncated" : null;
            }
        }

        return "the JPEG is damaged: it has no image data";
    }

    private static string? FindBmpDamage(ReadOnlySpan<byte> bytes)
    {
        const int ShortestHeader = 26;
        if (bytes.Length < ShortestHeader)
        {
            return "the BMP is truncated";
        }

        var offset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[10..]);
        var isOld = BinaryPrimitives.ReadUInt32LittleEndian(bytes[14..]) == 12;
        if (!isOld && bytes.Length < 30)
        {
            return "the BMP is truncated";
        }

        long width = isOld ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]) : BinaryPrimitives.ReadInt32LittleEndian(bytes[18..]);
        var height = Math.Abs(isOld ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[20..]) : (long)BinaryPrimitives.ReadInt32LittleEndian(bytes[22..]));
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(isOld ? 24 : 28)..]);
        var stride = ((width * bits) + 31) / 32 * 4;
        return CheckSize(width, height) ?? (offset + (stride * height) > bytes.Length ? "the BMP is truncated" : null);
    }

    private static string? CheckSize(long width, long height) =>
        width <= 0 || height <= 0 || width * height > MostPixels
            ? $"its header claims {width}x{height} pixels; expected 1 to {MostPixels}"
            : null;
}
