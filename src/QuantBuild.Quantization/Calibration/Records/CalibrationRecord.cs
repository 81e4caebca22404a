using System.Collections.Immutable;
using QuantBuild.Quantization.Calibration.Statistics;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>
/// All that later stages read from samples: what a .qcal file holds. Kept and held-out samples are apart, so that a quantization with
/// evaluation data of its own can use all of them, and one without can judge by those that it did not see.
/// </summary>
internal sealed record CalibrationRecord
{
    /// <summary>SHA-256 of the prepared model.</summary>
    public required string Model { get; init; }

    /// <summary>See <see cref="SampleInventory.Identity"/>.</summary>
    public required string Data { get; init; }

    public required int ShardCount { get; init; }

    /// <summary>Those that are in the record, counted from 1.</summary>
    public required ImmutableSortedSet<int> Shards { get; init; }

    /// <summary>Of the sample with the smallest content hash of all, whichever shard that is in.</summary>
    public required ModelProfile Profile { get; init; }

    /// <summary>The content hashes of all samples of the set, in order.</summary>
    public required ImmutableArray<string> Hashes { get; init; }

    /// <summary>How many samples, in all shards, are not held out.</summary>
    public required int KeptCount { get; init; }

    public required ImmutableSortedDictionary<string, TensorStatistics> Kept { get; init; }

    public required ImmutableSortedDictionary<string, TensorStatistics> HeldOut { get; init; }

    /// <summary>Of all samples, for measuring.</summary>
    public required SampleSubset Samples { get; init; }

    /// <summary>Of those that were not held out, for measuring.</summary>
    public required SampleSubset KeptSamples { get; init; }

    /// <summary>Of those that were, for judging.</summary>
    public required SampleSubset HeldOutSamples { get; init; }

    public IEnumerable<int> MissingShards => Enumerable.Range(1, ShardCount).Where(shard => !Shards.Contains(shard));

    /// <summary>Of all samples together.</summary>
    public ImmutableSortedDictionary<string, TensorStatistics> Whole => Merge(Kept, HeldOut);

    /// <summary>Both must be of the same model, data and number of shards, and have no shard in common.</summary>
    public CalibrationRecord MergedWith(CalibrationRecord other) => this with
    {
        Shards = Shards.Union(other.Shards),
        Kept = Merge(Kept, other.Kept),
        HeldOut = Merge(HeldOut, other.HeldOut),
        Samples = Samples.MergedWith(other.Samples, SubsetBounds.Search),
        KeptSamples = KeptSamples.MergedWith(other.KeptSamples, SubsetBounds.Search),
        HeldOutSamples = HeldOutSamples.MergedWith(other.HeldOutSamples, SubsetBounds.Judging),
    };

    private static ImmutableSortedDictionary<string, TensorStatistics> Merge(
        ImmutableSortedDictionary<string, TensorStatistics> first, ImmutableSortedDictionary<string, TensorStatistics> second) =>
        first.ToImmutableSortedDictionary(entry => entry.Key, entry => entry.Value.MergedWith(second[entry.Key]), StringComparer.Ordinal);
}
