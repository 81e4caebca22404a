using System.IO.Compression;
using System.Security.Cryptography;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>
/// The only door to .qcal files: the letters QCAL, the format's number in one byte, the SHA-256 of the rest, and the record, compressed.
/// </summary>
internal static class CalibrationFile
{
    /// <summary>Raised when an older reader would misread a file.</summary>
    private const byte Format = 3;

    private const int HeaderLength = 5;

    private static ReadOnlySpan<byte> Magic => "QCAL"u8;

    public static byte[] ToBytes(CalibrationRecord record)
    {
        using var body = new MemoryStream();
        using (var compressed = new BrotliStream(body, CompressionLevel.Fastest, leaveOpen: true))
        using (var writer = new RecordWriter(compressed))
        {
            writer.Write(record);
        }

        var content = body.GetBuffer().AsSpan(0, (int)body.Length);
        return [.. Magic, Format, .. SHA256.HashData(content), .. content];
    }

    /// <exception cref="QuantBuildException">The file is missing, of another kind, newer, or damaged.</exception>
    public static CalibrationRecord Read(string path, string baseDirectory)
    {
        var bytes = Content(path, baseDirectory);
        if (bytes.Length < HeaderLength || !bytes.AsSpan().StartsWith(Magic))
        {
            throw Unusable(path, "the file is no calibration: expected one that 'quantbuild calibrate' or 'quantbuild merge' wrote (if it is a Git LFS pointer, run git lfs pull)");
        }

        if (bytes[Magic.Length] != Format)
        {
            throw Unusable(path, $"the calibration has format {bytes[Magic.Length]}, and this version of QuantBuild reads format {Format}; use the version that wrote it, or calibrate again");
        }

        var body = bytes.AsMemory(Math.Min(HeaderLength + SHA256.HashSizeInBytes, bytes.Length));
        return SHA256.HashData(body.Span).AsSpan().SequenceEqual(bytes.AsSpan(HeaderLength)[..Math.Min(SHA256.HashSizeInBytes, bytes.Length - HeaderLength)])
            ? Decode(path, body)
            : throw Unusable(path, "the calibration is damaged or cut short; copy it again, or calibrate again");
    }

    private static byte[] Content(string path, string baseDirectory)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(baseDirectory, path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, $"the calibration cannot be read ({exception.Message.TrimEnd('.')})", exception);
        }
    }

    /// <summary>What has the right hash was written by us; a record that makes no sense then still is no bug of the reader.</summary>
    private static CalibrationRecord Decode(string path, ReadOnlyMemory<byte> body)
    {
        try
        {
            using var compressed = new MemoryStream(body.ToArray());
            using var content = new BrotliStream(compressed, CompressionMode.Decompress);
            using var reader = new RecordReader(content);
            return reader.Read();
        }
        catch (Exception exception) when (exception is IOException or FormatException or ArgumentException or OverflowException or InvalidDataException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw Unusable(path, "the calibration is damaged; calibrate again", exception);
        }
    }

    private static QuantBuildException Unusable(string path, string reason, Exception? cause = null) =>
        new(DiagnosticCodes.InvalidCalibration, $"{path}: {reason}.", cause);
}
