using System.Collections.Immutable;

namespace QuantBuild.Data;

/// <summary>The samples that two sets share: pairs of equal content, the first of each set.</summary>
public static class SampleOverlap
{
    public static ImmutableArray<(SampleReference First, SampleReference Second)> Find(SampleSet first, SampleSet second, int threads)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, hash) in first.ContentHashes(threads).Index())
        {
            known.TryAdd(hash, index);
        }

        return
        [
            .. second.ContentHashes(threads).Index().DistinctBy(item => item.Item)
                .Where(item => known.ContainsKey(item.Item))
                .Select(item => (first[known[item.Item]], second[item.Index])),
        ];
    }
}
