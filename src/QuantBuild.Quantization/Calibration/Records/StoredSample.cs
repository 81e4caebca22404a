using System.Security.Cryptography;
using System.Text;
using QuantBuild.Data;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>A sample as the model gets it, and the content hash of the file that it came from.</summary>
internal sealed record StoredSample(string Hash, Sample Sample)
{
    public SampleHandle Handle => new(Sample.Id, Sample.Label, () => Sample);

    public long Bytes => SizeOf(Sample);

    public static long SizeOf(Sample sample) =>
        TensorsOf(sample.Inputs).Sum(tensor => tensor.Value.Bytes.Length + tensor.Value.Strings.Sum(text => (long)text.Length));

    /// <summary>SHA-256 over names, types, shapes and elements.</summary>
    public byte[] TensorHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in TensorsOf(Sample.Inputs))
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

    /// <summary>In ordinal order of the inputs; the tensors of a sequence follow one another under its name.</summary>
    private static IEnumerable<KeyValuePair<string, TensorData>> TensorsOf(SampleInputs inputs) => inputs.Tensors
        .Concat(inputs.Sequences.SelectMany(sequence => sequence.Value.Select(tensor => KeyValuePair.Create(sequence.Key, tensor))))
        .OrderBy(input => input.Key, StringComparer.Ordinal);

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(BitConverter.GetBytes((long)bytes.Length));
        hash.AppendData(bytes);
    }
}
