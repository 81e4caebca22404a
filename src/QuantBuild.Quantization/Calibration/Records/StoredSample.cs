using System.Security.Cryptography;
using System.Text;
using QuantBuild.Data;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>A sample as the model gets it, and the content hash of the file that it came from.</summary>
internal sealed record StoredSample(string Hash, Sample Sample)
{
    public SampleHandle Handle => new(Sample.Id, Sample.Label, () => Sample);

    public long Bytes => SizeOf(Sample);

    public static long SizeOf(Sample sample) =>
        sample.Inputs.Values.Sum(tensor => tensor.Bytes.Length + tensor.Strings.Sum(text => (long)text.Length));

    /// <summary>SHA-256 over names, types, shapes and elements.</summary>
    public byte[] TensorHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in Sample.Inputs.OrderBy(input => input.Key, StringComparer.Ordinal))
        {
            Append(hash, Encoding.UTF8.GetBytes(name));
            Append(hash, Encoding.UTF8.GetBytes(tensor.ToString()));
            Append(hash, tensor.Bytes.Span);
            foreach (var text in tensor.Strings)
            {
                Append(hash, text.Span);
            }
        }

        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(BitConverter.GetBytes((long)bytes.Length));
        hash.AppendData(bytes);
    }
}
