namespace QuantBuild.Quantization.Costs;

/// <summary>
/// Divides nodes into two sides at the least total cost, by a maximum flow (Dinic's algorithm). Costs are whole numbers, so that every machine finds the
/// same cut.
/// </summary>
internal sealed class MinimumCut
{
    /// <summary>More than any sum of real costs.</summary>
    public const long Forbidden = long.MaxValue / 1024;

    private const int Source = 0;
    private const int Sink = 1;

    private readonly List<List<int>> _edges = [[], []];
    private readonly List<(int To, long Capacity)> _arcs = [];

    /// <summary>Of the cut that <see cref="Solve"/> found.</summary>
    public long Cost { get; private set; }

    /// <summary>A node and what it costs on each side.</summary>
    public int AddNode(long costOfFirst, long costOfSecond)
    {
        _edges.Add([]);
        var node = _edges.Count - 1;
        AddArc(node, Sink, costOfFirst);
        AddArc(Source, node, costOfSecond);
        return node;
    }

    /// <summary>What it costs in addition where <paramref name="first"/> is on the first side and <paramref name="second"/> on the second.</summary>
    public void AddCost(int first, int second, long cost) => AddArc(first, second, cost);

    public void AddCostOfFirst(int node, long cost) => AddArc(node, Sink, cost);

    /// <summary>True for each node that is on the first side; of several cuts of the same cost, the one that has the fewest there.</summary>
    public Func<int, bool> Solve()
    {
        while (Levels() is { } levels)
        {
            var next = new int[_edges.Count];
            long flow;
            while ((flow = Push(levels, next)) > 0)
            {
                Cost += flow;
            }
        }

        var reached = Reach();
        return node => reached[node] >= 0;
    }

    private void AddArc(int from, int to, long capacity)
    {
        if (capacity > 0)
        {
            _edges[from].Add(_arcs.Count);
            _arcs.Add((to, capacity));
            _edges[to].Add(_arcs.Count);
            _arcs.Add((from, 0));
        }
    }

    /// <summary>Null where no way to the sink is left.</summary>
    private int[]? Levels()
    {
        var levels = Reach();
        return levels[Sink] < 0 ? null : levels;
    }

    /// <summary>How many arcs lie between the source and each node; −1 where there is no way.</summary>
    private int[] Reach()
    {
        var levels = new int[_edges.Count];
        Array.Fill(levels, -1);
        levels[Source] = 0;
        var queue = new Queue<int>([Source]);
        while (queue.TryDequeue(out var node))
        {
            foreach (var arc in _edges[node])
            {
                var (to, capacity) = _arcs[arc];
                if (capacity > 0 && levels[to] < 0)
                {
                    levels[to] = levels[node] + 1;
                    queue.Enqueue(to);
                }
            }
        }

        return levels;
    }

    /// <summary>Sends flow along one shortest way, and returns how much; the stack of nodes stands in for recursion, which long chains would overflow.</summary>
    private long Push(int[] levels, int[] next)
    {
        var path = new Stack<int>();
        var node = Source;
        while (node != Sink)
        {
            if (next[node] == _edges[node].Count)
            {
                if (path.Count == 0)
                {
                    return 0;
                }

                // A dead end: one step back, and on to the next arc there.
                node = _arcs[path.Pop() ^ 1].To;
                next[node]++;
                continue;
            }

            var arc = _edges[node][next[node]];
            var (to, capacity) = _arcs[arc];
            if (capacity > 0 && levels[to] == levels[node] + 1)
            {
                path.Push(arc);
                node = to;
            }
            else
            {
                next[node]++;
            }
        }

        var flow = path.Min(arc => _arcs[arc].Capacity);
        foreach (var arc in path)
        {
            _arcs[arc] = (_arcs[arc].To, _arcs[arc].Capacity - flow);
            _arcs[arc ^ 1] = (_arcs[arc ^ 1].To, _arcs[arc ^ 1].Capacity + flow);
        }

        return flow;
    }
}
