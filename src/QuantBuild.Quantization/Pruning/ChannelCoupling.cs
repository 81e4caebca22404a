using System.Collections.Immutable;

namespace QuantBuild.Quantization.Pruning;

/// <summary>
/// Labels of positions on channel axes. What must be removed together is united; what must stay has a reason, in words that complete "it keeps its
/// channels because …".
/// </summary>
internal sealed class ChannelCoupling
{
    private readonly List<int> _parents = [];
    private readonly Dictionary<int, string> _reasons = [];

    /// <summary>Labels that nothing has yet.</summary>
    public ImmutableArray<int> Fresh(long count)
    {
        var first = _parents.Count;
        _parents.AddRange(Enumerable.Range(first, (int)count));
        return [.. _parents.Skip(first)];
    }

    /// <summary>The same for all labels that are united.</summary>
    public int Root(int label)
    {
        while (_parents[label] != label)
        {
            label = _parents[label] = _parents[_parents[label]];
        }

        return label;
    }

    public string? ReasonOf(int label) => _reasons.GetValueOrDefault(Root(label));

    public void Unite(int first, int second)
    {
        var (root, other) = (Root(first), Root(second));
        _parents[other] = root;
        if (_reasons.GetValueOrDefault(other) is { } reason)
        {
            _reasons.TryAdd(root, reason);
        }
    }

    /// <summary>Position by position.</summary>
    public void Unite(ImmutableArray<int> first, ImmutableArray<int> second)
    {
        for (var i = 0; i < first.Length; i++)
        {
            Unite(first[i], second[i]);
        }
    }

    /// <summary>Those that are a multiple of <paramref name="period"/> apart.</summary>
    public void UniteEvery(int period, ImmutableArray<int> labels)
    {
        for (var i = period; i < labels.Length; i++)
        {
            Unite(labels[i - period], labels[i]);
        }
    }

    /// <summary>The first <paramref name="length"/>, the next, and so on.</summary>
    public void UniteRuns(int length, ImmutableArray<int> labels)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            Unite(labels[i / length * length], labels[i]);
        }
    }

    /// <summary>The first reason stays.</summary>
    public void Keep(IEnumerable<int> labels, string reason)
    {
        foreach (var label in labels)
        {
            _reasons.TryAdd(Root(label), reason);
        }
    }

    public bool AreEqual(ImmutableArray<int> first, ImmutableArray<int> second) => first.Select(Root).SequenceEqual(second.Select(Root));
}
