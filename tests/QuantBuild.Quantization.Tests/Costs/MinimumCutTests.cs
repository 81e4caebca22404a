using QuantBuild.Quantization.Costs;

namespace QuantBuild.Quantization.Tests.Costs;

internal sealed class MinimumCutTests
{
    private const int Nodes = 9;

    [Test]
    public void Solve_FindsWhatTryingEverythingFinds([Range(1, 40)] int seed)
    {
        var random = new Random(seed);
        var costs = Enumerable.Range(0, Nodes).Select(_ => (First: random.Next(50), Second: random.Next(50))).ToArray();
        var pairs = Enumerable.Range(0, 3 * Nodes).Select(_ => (First: random.Next(Nodes), Second: random.Next(Nodes), Cost: (long)random.Next(40))).Where(pair => pair.First != pair.Second).ToArray();
        var cut = new MinimumCut();
        int[] nodes = [.. costs.Select(cost => cut.AddNode(cost.First, cost.Second))];
        Array.ForEach(pairs, pair => cut.AddCost(nodes[pair.First], nodes[pair.Second], pair.Cost));

        var isFirst = cut.Solve();

        long Total(Func<int, bool> first) => costs.Index().Sum(entry => (long)(first(entry.Index) ? entry.Item.First : entry.Item.Second))
            + pairs.Where(pair => first(pair.First) && !first(pair.Second)).Sum(pair => pair.Cost);
        var least = Enumerable.Range(0, 1 << Nodes).Min(choice => Total(node => (choice >> node & 1) == 1));
        Assert.That((Total(node => isFirst(nodes[node])), cut.Cost), Is.EqualTo((least, least)));
    }

    [Test]
    public void Forbidden_PairIsNeverCut()
    {
        var cut = new MinimumCut();
        var (first, second) = (cut.AddNode(0, 1000), cut.AddNode(900, 0));
        cut.AddCost(first, second, MinimumCut.Forbidden);

        var isFirst = cut.Solve();

        Assert.That((isFirst(first), isFirst(second)), Is.EqualTo((true, true)));
    }

    [Test]
    public void LongChain_IsSolved()
    {
        var cut = new MinimumCut();
        int[] nodes = [.. Enumerable.Range(0, 5000).Select(index => cut.AddNode(index == 0 ? 0 : 1, index == 0 ? 10_000 : 2))];
        for (var index = 1; index < nodes.Length; index++)
        {
            cut.AddCost(nodes[index - 1], nodes[index], 5);
        }

        var isFirst = cut.Solve();

        Assert.That(nodes.All(isFirst), Is.True);
    }
}
