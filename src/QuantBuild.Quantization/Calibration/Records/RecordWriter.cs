using System.Collections.Immutable;
using System.Numerics;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>A record as bytes, little endian, in an order that depends on its content alone. <see cref="RecordReader"/> is its mirror.</summary>
internal sealed class RecordWriter(Stream stream) : IDisposable
{
    private readonly BinaryWriter _writer = new(stream);

    public void Write(CalibrationRecord record)
    {
        Hash(record.Model);
        Hash(record.Data);
        _writer.Write7BitEncodedInt(record.ShardCount);
        All(record.Shards, _writer.Write7BitEncodedInt);
        All(record.Profile.Values.OrderBy(entry => entry.Key, StringComparer.Ordinal), Write);
        All(record.Hashes, Hash);
        _writer.Write7BitEncodedInt(record.KeptCount);
        All(record.Kept, Write);
        All(record.HeldOut, Write);

        // A sample that is in several subsets is written once
        SampleSubset[] subsets = [record.Samples, record.KeptSamples, record.HeldOutSamples];
        var samples = subsets.SelectMany(subset => subset.Samples).DistinctBy(sample => sample.Hash).OrderBy(sample => sample.Hash, StringComparer.Ordinal).ToList();
        All(samples, Write);
        foreach (var subset in subsets)
        {
            Optional(subset.Cutoff, Hash);
            All(subset.Samples, sample => _writer.Write7BitEncodedInt(samples.FindIndex(stored => stored.Hash == sample.Hash)));
        }
    }

    public void Dispose() => _writer.Dispose();

    private void Write(KeyValuePair<string, ValueProfile> entry)
    {
        _writer.Write(entry.Key);
        Shape(entry.Value.Type, entry.Value.Shape);
    }

    private void Write(KeyValuePair<string, TensorStatistics> entry)
    {
        var (whole, notFinite, ends, histogram) = entry.Value;
        _writer.Write(entry.Key);
        _writer.Write(whole.Min);
        _writer.Write(whole.Max);
        _writer.Write7BitEncodedInt64(notFinite);
        _writer.Write7BitEncodedInt64(ends!.Value.Samples);
        Integer(ends.Value.Mins.Units);
        Integer(ends.Value.Maxs.Units);
        _writer.Write7BitEncodedInt64(entry.Value.Squares!.Value.Elements);
        Integer(entry.Value.Squares.Value.Sum.Units);
        Write(histogram!);
        Optional(entry.Value.Channels, channels => All(channels!.Ranges, range =>
        {
            _writer.Write(range.Min);
            _writer.Write(range.Max);
        }));
    }

    private void Write(Histogram histogram)
    {
        var first = Math.Max(histogram.Bins.IndexOfAnyExcept(0L), 0);
        _writer.Write(histogram.Exponent);
        _writer.Write7BitEncodedInt64(histogram.Zeros);
        _writer.Write7BitEncodedInt(first);
        All(histogram.Bins[first..(histogram.Bins.LastIndexOfAnyExcept(0L) + 1)].ToArray(), _writer.Write7BitEncodedInt64);
    }

    private void Write(StoredSample sample)
    {
        Hash(sample.Hash);
        _writer.Write(sample.Sample.Id);
        Optional(sample.Sample.Label, label => _writer.Write(label!.Value));
        All(sample.Sample.Inputs.Tensors.OrderBy(input => input.Key, StringComparer.Ordinal), input =>
        {
            _writer.Write(input.Key);
            Write(input.Value);
        });
        All(sample.Sample.Inputs.Sequences.OrderBy(input => input.Key, StringComparer.Ordinal), input =>
        {
            _writer.Write(input.Key);
            All(input.Value, Write);
        });
    }

    private void Write(TensorData tensor)
    {
        Shape(tensor.Type, tensor.Dimensions);
        Bytes(tensor.Bytes.Span);
        All(tensor.Strings, text => Bytes(text.Span));
    }

    private void Shape(ElementType type, ImmutableArray<long> dimensions)
    {
        _writer.Write((byte)type);
        All(dimensions, _writer.Write7BitEncodedInt64);
    }

    private void Integer(BigInteger value) => Bytes(value.ToByteArray());

    private void Hash(string hexadecimal) => _writer.Write(Convert.FromHexString(hexadecimal));

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        _writer.Write7BitEncodedInt(bytes.Length);
        _writer.Write(bytes);
    }

    private void Optional<T>(T? value, Action<T> write)
    {
        _writer.Write(value is not null);
        if (value is not null)
        {
            write(value);
        }
    }

    private void All<T>(IEnumerable<T> items, Action<T> write)
    {
        var list = items.ToArray();
        _writer.Write7BitEncodedInt(list.Length);
        Array.ForEach(list, write);
    }
}
