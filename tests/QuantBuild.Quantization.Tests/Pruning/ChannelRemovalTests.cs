using CsCheck;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

[Parallelizable(ParallelScope.All)]
internal sealed class ChannelRemovalTests
{
    private static IEnumerable<TestCaseData> Blocks => TinyBlocks.All.Select(block => new TestCaseData(block.Build).SetArgDisplayNames(block.Name));

    private static IEnumerable<TestCaseData> Heads => TinyHeads.All.Select(head => new TestCaseData(head.Build).SetArgDisplayNames(head.Name));

    [TestCaseSource(nameof(Blocks))]
    public void Apply_Block_EqualsReadersOfZeros(Func<TinyNetwork, Map, Map> build)
    {
        var net = new TinyNetwork();

        PruningCheck.Verify(net.Finish(net.Conv(build(net, net.Conv(net.Input, 8)), 4)));
    }

    [TestCaseSource(nameof(Heads))]
    public void Apply_Head_EqualsReadersOfZeros(Func<TinyNetwork, Map, Value> build)
    {
        var net = new TinyNetwork();

        PruningCheck.Verify(net.Finish(build(net, net.Relu(net.Conv(net.Input, 8, 3)))));
    }

    [Test]
    public void Apply_RandomNetwork_EqualsReadersOfZeros() =>
        Gen.Select(Gen.Int[0, TinyBlocks.All.Count - 1].Array[1, 8], Gen.Int[0, TinyHeads.All.Count - 1], Gen.Int[0, 1 << 20]).Sample((blocks, head, seed) =>
        {
            var net = new TinyNetwork(seed);
            var map = blocks.Aggregate(net.Conv(net.Input, 8), (map, block) => TinyBlocks.All[block].Build(net, map));
            return PruningCheck.IsExact(net.Finish(TinyHeads.All[head].Build(net, map)), seed);
        });

    [Test]
    public void Apply_TheGivenModel_StaysAsItIs()
    {
        var net = new TinyNetwork();
        var model = net.Finish(net.Conv(net.Input, 8));
        var before = GraphText.Print(model);
        var groups = PruningCheck.GroupsOf(model);

        ChannelRemoval.Apply(model, groups, new Dictionary<ChannelGroup, IReadOnlySet<int>> { [groups.All[0]] = new HashSet<int> { 1, 5 } });

        Assert.That(GraphText.Print(model), Is.EqualTo(before));
    }
}
