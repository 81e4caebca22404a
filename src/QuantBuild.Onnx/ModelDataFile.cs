using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;

namespace QuantBuild.Onnx;

/// <summary>The data file of a <see cref="StoredModel"/>: tensors one behind the other, each at the beginning of a page, so that it can be mapped.</summary>
public sealed class ModelDataFile
{
    private const int PageLength = 4096;

    /// <summary>Hexadecimal digits of the SHA-256 in the name.</summary>
    private const int HashLength = 16;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    private static readonly byte[] Padding = new byte[PageLength];

    private readonly ImmutableArray<ReadOnlyMemory<byte>> _parts;

    private ModelDataFile(string name, ImmutableArray<ReadOnlyMemory<byte>> parts, string hash)
    {
        _parts = parts;
        Name = $"{name}.{hash[..HashLength]}.data";
        Hash = hash;
    }

    public string Name { get; }

    /// <summary>The SHA-256 of the content, in hexadecimal digits.</summary>
    public string Hash { get; }

    public long Length => _parts.Sum(part => PaddedLength(part.Length));

    /// <summary>Where each part begins.</summary>
    public IEnumerable<long> Offsets
    {
        get
        {
            var offset = 0L;
            foreach (var part in _parts)
            {
                yield return offset;
                offset += PaddedLength(part.Length);
            }
        }
    }

    /// <summary>True for a name that this class gives to a data file of <paramref name="model"/>, the name of a model's file without its extension.</summary>
    public static bool IsNameFor(string model, string name) =>
        name.Length == model.Length + HashLength + 6 && name.StartsWith(model + ".", StringComparison.Ordinal) && name.EndsWith(".data", StringComparison.Ordinal)
        && name.AsSpan(model.Length + 1, HashLength).IndexOfAnyExcept(Digits) < 0;

    public void WriteTo(Stream stream) => ForEachBlock(_parts, stream.Write);

    internal static ModelDataFile Of(string name, ImmutableArray<ReadOnlyMemory<byte>> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        ForEachBlock(parts, hash.AppendData);
        return new(name, parts, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static void ForEachBlock(ImmutableArray<ReadOnlyMemory<byte>> parts, Action<ReadOnlySpan<byte>> use)
    {
        foreach (var part in parts)
        {
            use(part.Span);
            use(Padding.AsSpan(0, (int)(PaddedLength(part.Length) - part.Length)));
        }
    }

    private static long PaddedLength(long length) => (length + PageLength - 1) / PageLength * PageLength;
}
