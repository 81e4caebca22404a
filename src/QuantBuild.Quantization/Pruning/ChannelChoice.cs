using System.Collections.Immutable;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Which channels of a model go first: over all groups those that harm the least. Kernels work on several channels at a time, and channels that fill no such
/// block save nothing: they go in numbers that leave whole blocks.
/// </summary>
internal sealed class ChannelChoice
{
    /// <summary>No group loses more than so many times the share that all lose: harms are known for a few channels, and guessed for many.</summary>
    private const int MostOfShare = 2;

    private readonly ImmutableArray<Bundle> _bundles;
    private readonly int _all;

    /// <param name="groups">The steps of each group, in their order.</param>
    public ChannelChoice(IEnumerable<ImmutableArray<EliminationStep>> groups)
    {
        ImmutableArray<EliminationStep>[] all = [.. groups];
        // Stable, so that those of a group stay in their order.
        _bundles = [.. all.SelectMany(Bundles).OrderBy(bundle => bundle.Harm)];
        _all = all.Sum(steps => steps[0].Group.Count);
    }

    /// <summary>How many channels could go.</summary>
    public int Most => _bundles.Sum(bundle => bundle.Channels.Length);

    /// <summary>About so many channels, as whole blocks allow.</summary>
    public IReadOnlyDictionary<ChannelGroup, IReadOnlySet<int>> First(int count)
    {
        var (removed, left) = (new Dictionary<ChannelGroup, IReadOnlySet<int>>(), (double)count);
        var closed = new HashSet<ChannelGroup>();
        foreach (var bundle in _bundles)
        {
            var gone = removed.TryGetValue(bundle.Group, out var before) ? [.. before] : ImmutableHashSet<int>.Empty;
            if (closed.Contains(bundle.Group) || gone.Count + bundle.Channels.Length > MostOfShare * (double)bundle.Group.Count * count / _all || left < bundle.Channels.Length / 2.0)
            {
                closed.Add(bundle.Group);
                continue;
            }

            removed[bundle.Group] = gone.Union(bundle.Channels);
            left -= bundle.Channels.Length;
        }

        return removed;
    }

    /// <summary>Float kernels take 8 channels at a time on processors with AVX2, and 16 with AVX-512: what wide layers lose should be faster on both.</summary>
    private static int BlockOf(int channels) => channels switch
    {
        >= 48 => 16,
        >= 32 => 8,
        >= 8 => 4,
        _ => 1,
    };

    private static IEnumerable<Bundle> Bundles(ImmutableArray<EliminationStep> steps)
    {
        var group = steps[0].Group;
        var block = BlockOf(group.Count);
        for (var (start, end) = (0, 0); ; start = end)
        {
            end = start == 0 && group.Count % block != 0 ? group.Count % block : start + block;
            if (end > steps.Length)
            {
                yield break;
            }

            yield return new(group, [.. steps[start..end].Select(step => step.Channel)], steps[start..end].Average(step => step.Harm));
        }
    }

    /// <param name="Group">The channels' group.</param>
    /// <param name="Channels">Their numbers.</param>
    /// <param name="Harm">Of each of them.</param>
    private sealed record Bundle(ChannelGroup Group, ImmutableArray<int> Channels, double Harm);
}
