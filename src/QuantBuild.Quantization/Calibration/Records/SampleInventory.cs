using System.Collections.Immutable;
using System.Security.Cryptography;
using QuantBuild.Data;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>
/// All samples of a set by content: their order, which are held out, and what identifies the set. Names and order of files play no part,
/// so every machine that has the data finds the same.
/// </summary>
internal sealed class SampleInventory
{
    private readonly Lazy<string> _identity;

    public SampleInventory(SampleSet samples, int threads)
    {
        Samples = samples;
        Hashes = samples.ContentHashes(threads);
        ByHash = [.. Enumerable.Range(0, samples.Count).OrderBy(index => Hashes[index], StringComparer.Ordinal)
            .ThenBy(index => samples[index].Label).ThenBy(index => samples[index].Id, StringComparer.Ordinal)];
        HeldOut = [.. SampleSplit.HoldOut(samples, SampleSplit.DefaultFraction, threads).HeldOut];
        _identity = new(Identify);
    }

    public SampleSet Samples { get; }

    /// <summary>By index.</summary>
    public ImmutableArray<string> Hashes { get; }

    /// <summary>The indices of all samples, the smallest content hash first.</summary>
    public ImmutableArray<int> ByHash { get; }

    public ImmutableHashSet<int> HeldOut { get; }

    /// <summary>SHA-256 over every content hash and label, and over the first sample as the model gets it: preprocessing counts.</summary>
    public string Identity => _identity.Value;

    public IEnumerable<int> Kept => ByHash.Where(index => !HeldOut.Contains(index));

    /// <summary>Reads the samples with the smallest hashes one by one, as far as they are asked for.</summary>
    public IEnumerable<Sample> First(int count) => ByHash.Take(count).Select(Samples.Read);

    /// <summary>Reads the samples one by one.</summary>
    public IEnumerable<StoredSample> Read(IEnumerable<int> indices) => indices.Select(index => new StoredSample(Hashes[index], Samples.Read(index)));

    private string Identify()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var index in ByHash)
        {
            hash.AppendData(Convert.FromHexString(Hashes[index]));
            hash.AppendData(BitConverter.GetBytes(Samples[index].Label ?? double.NaN));
        }

        hash.AppendData(Read(ByHash).First().TensorHash());
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
