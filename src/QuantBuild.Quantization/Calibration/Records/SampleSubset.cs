using System.Collections.Immutable;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>
/// The samples with the smallest content hashes, as many as the bounds allow, one for each content. It is complete below <paramref name="Cutoff"/>,
/// the smallest hash that found no room (null where all did): what lies below the cutoffs of all parts is so in the whole, too, and
/// that makes merging exact.
/// </summary>
internal sealed record SampleSubset(ImmutableArray<StoredSample> Samples, string? Cutoff)
{
    public static SampleSubset Empty { get; } = new([], null);

    public IEnumerable<SampleHandle> Handles => Samples.Select((sample, index) => sample.Handle with { Place = index });

    /// <summary>From samples in the order of their hashes, of which no more are read than there is room for, and one.</summary>
    public static SampleSubset Of(IEnumerable<StoredSample> ordered, SubsetBounds bounds)
    {
        var (taken, next) = bounds.Take(ordered.DistinctBy(sample => sample.Hash), sample => sample.Bytes);
        return new([.. taken], next?.Hash);
    }

    public SampleSubset MergedWith(SampleSubset other, SubsetBounds bounds)
    {
        var cutoff = new[] { Cutoff, other.Cutoff }.Where(hash => hash is not null).Min(StringComparer.Ordinal);
        var candidates = Samples.Concat(other.Samples)
            .Where(sample => cutoff is null || string.CompareOrdinal(sample.Hash, cutoff) < 0)
            .OrderBy(sample => sample.Hash, StringComparer.Ordinal).ThenBy(sample => sample.Sample.Label).ThenBy(sample => sample.Sample.Id, StringComparer.Ordinal)
            .DistinctBy(sample => sample.Hash);
        var (taken, next) = bounds.Take(candidates, sample => sample.Bytes);
        return new([.. taken], next?.Hash ?? cutoff);
    }
}
