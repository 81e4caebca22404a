using System.Collections.Immutable;
using System.Numerics;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>Reads what <see cref="RecordWriter"/> wrote.</summary>
internal sealed class RecordReader(Stream stream) : IDisposable
{
    private const int HashLength = 32;
    private readonly BinaryReader _reader = new(stream);

    /// <exception cref="IOException">The bytes end too early, or are no record.</exception>
    public CalibrationRecord Read()
    {
        var (model, data, shardCount) = (Hash(), Hash(), _reader.Read7BitEncodedInt());
        var shards = All(_reader.Read7BitEncodedInt);
        var profile = All(() => KeyValuePair.Create(_reader.ReadString(), Profile()));
        var hashes = All(Hash);
        var keptCount = _reader.Read7BitEncodedInt();
        var (kept, heldOut, samples) = (All(Statistics), All(Statistics), All(Sample));
        return new CalibrationRecord
        {
            Model = model,
            Data = data,
            ShardCount = shardCount,
            Shards = [.. shards],
            Profile = new(profile.ToImmutableDictionary()),
            Hashes = [.. hashes],
            KeptCount = keptCount,
            Kept = kept.ToImmutableSortedDictionary(StringComparer.Ordinal),
            HeldOut = heldOut.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Samples = Subset(samples),
            KeptSamples = Subset(samples),
            HeldOutSamples = Subset(samples),
        };
    }

    public void Dispose() => _reader.Dispose();

    private SampleSubset Subset(StoredSample[] samples)
    {
        var cutoff = _reader.ReadBoolean() ? Hash() : null;
        return new([.. All(() => samples[_reader.Read7BitEncodedInt()])], cutoff);
    }

    private ValueProfile Profile() => new((ElementType)_reader.ReadByte(), Dimensions());

    private KeyValuePair<string, TensorStatistics> Statistics()
    {
        var (name, range, notFinite) = (_reader.ReadString(), new TensorRange(_reader.ReadSingle(), _reader.ReadSingle()), _reader.Read7BitEncodedInt64());
        var ends = new SampleEnds(_reader.Read7BitEncodedInt64(), new(Integer()), new(Integer()));
        var squares = new SampleSquares(_reader.Read7BitEncodedInt64(), new(Integer()));
        return new(name, new(range, notFinite, ends, Histogram())
        {
            Squares = squares,
            Channels = _reader.ReadBoolean() ? new([.. All(() => new TensorRange(_reader.ReadSingle(), _reader.ReadSingle()))]) : null,
        });
    }

    private Histogram Histogram()
    {
        var (exponent, zeros, first) = (_reader.ReadInt32(), _reader.Read7BitEncodedInt64(), _reader.Read7BitEncodedInt());
        var bins = new long[Calibration.Statistics.Histogram.BinCount];
        All(_reader.Read7BitEncodedInt64).CopyTo(bins, first);
        return new(exponent, zeros, bins);
    }

    private StoredSample Sample()
    {
        var (hash, id) = (Hash(), _reader.ReadString());
        var label = _reader.ReadBoolean() ? _reader.ReadDouble() : (double?)null;
        var inputs = All(() => KeyValuePair.Create(_reader.ReadString(), Tensor()));
        var sequences = All(() => KeyValuePair.Create(_reader.ReadString(), All(Tensor).ToImmutableArray()));
        return new(hash, new Sample(id, new(inputs.ToImmutableDictionary()) { Sequences = sequences.ToImmutableDictionary() }, label));
    }

    private TensorData Tensor()
    {
        var (type, dimensions, bytes) = ((ElementType)_reader.ReadByte(), Dimensions(), Bytes());
        var strings = All(() => (ReadOnlyMemory<byte>)Bytes());
        return type == ElementType.String ? new(dimensions, [.. strings]) : new(type, dimensions, bytes);
    }

    private ImmutableArray<long> Dimensions() => [.. All(_reader.Read7BitEncodedInt64)];

    private BigInteger Integer() => new(Bytes());

    private string Hash() => Convert.ToHexStringLower(_reader.ReadBytes(HashLength));

    private byte[] Bytes() => _reader.ReadBytes(_reader.Read7BitEncodedInt());

    private T[] All<T>(Func<T> read)
    {
        var items = new T[_reader.Read7BitEncodedInt()];
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = read();
        }

        return items;
    }
}
