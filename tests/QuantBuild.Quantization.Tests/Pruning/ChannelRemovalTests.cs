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

    /// <summary>Lengths are an attribute before opset 13, and need not be given where all are equal.</summary>
    [TestCase(11)]
    [TestCase(17)]
    [TestCase(18)]
    public void Apply_SplitWithoutLengths_StatesThem(long opset)
    {
        var net = new TinyNetwork(opset: opset);
        var split = net.Graph.AddNode("Split", [net.Conv(net.Input, 8).Value], [net.Graph.AddValue("left"), net.Graph.AddValue("right")]).Set("axis", 1L);
        if (opset >= 18)
        {
            split.Set("num_outputs", 2L);
        }

        PruningCheck.Verify(net.Finish(net.Concat(net.Relu(new(split.Outputs[1]!, 4, 8)), new(split.Outputs[0]!, 4, 8))));
    }

    [Test]
    public void Apply_LayersInABody_AreFollowed()
    {
        var model = GraphText.Parse(
            """
            opset 17
            graph g(x: float[N, 2, 2, 2]) -> (y: float) {
              yes: bool[] = [1]
              w: float[3, 2, 1, 1] = [1, 2, 3, 4, 5, 6]
              v: float[2, 3, 1, 1] = [1, 2, 3, 4, 5, 6]
              y = If(yes) {
                then_branch = graph then() -> (b: float) {
                  a = Conv(x, w)
                  b = Conv(a, v)
                },
                else_branch = graph else() -> (c: float) {
                  c = Relu(x)
                }
              }
            }
            """);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(PruningCheck.GroupsOf(model).Prunable.Select(group => group.Count), Is.EqualTo(new[] { 3 }));
            Assert.That(PruningCheck.IsExact(model, 1));
        }
    }

    [Test]
    public void Apply_DeclaredShapesAndSharedConstants_AreCorrectedWhereTheyChange()
    {
        var model = GraphText.Parse(
            """
            opset 17
            graph g(x: float[N, 2, 1, 1]) -> (y: float[N, 2, height, 1]) {
              w: float[2, 2, 1, 1] = [1, 2, 3, 4]
              v: float[2, 2, 1, 1] = [5, 6, 7, 8]
              b: float[2] = [9, 10]
              h: float[N, 2, 1, 1] = Conv(x, w, b)
              y = Conv(h, v, b)
            }
            """);
        var groups = PruningCheck.GroupsOf(model);

        var pruned = ChannelRemoval.Apply(model, groups, Removing(groups, 0));

        Assert.That(GraphText.Print(pruned), Is.EqualTo(GraphText.Print(GraphText.Parse(
            """
            opset 17
            graph g(x: float[N, 2, 1, 1]) -> (y: float[N, 2, height, 1]) {
              w: float[1, 2, 1, 1] = [3, 4]
              v: float[2, 1, 1, 1] = [6, 8]
              b: float[2] = [9, 10]
              b_1: float[1] = [10]
              h: float[N, 1, 1, 1] = Conv(x, w, b_1)
              y = Conv(h, v, b)
            }
            """))));
    }

    [Test]
    public void Apply_NumbersThatCannotBeRemoved_AreRefused()
    {
        var net = new TinyNetwork();
        var model = net.Finish(net.Conv(net.Input, 2));
        var groups = PruningCheck.GroupsOf(model);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => ChannelRemoval.Apply(model, groups, Removing(groups, 0, 1)), Throws.ArgumentException.With.Message.StartsWith("Conv keeps its channels because one of them"));
            Assert.That(() => ChannelRemoval.Apply(model, groups, Removing(groups, 2)), Throws.ArgumentException.With.Message.StartsWith("Conv has 2 channels"));
            Assert.That(
                () => ChannelRemoval.Apply(model, groups, new Dictionary<ChannelGroup, IReadOnlySet<int>> { [groups.All[1]] = new HashSet<int> { 0 } }),
                Throws.ArgumentException.With.Message.StartsWith("Gemm keeps its channels because they come out of the graph"));
        }
    }

    [Test]
    public void Select_HalfPrecision_TakesPositions()
    {
        var net = new TinyNetwork();
        var half = net.Graph.AddInitializer("half", TensorData.Create<Half>([2, 3], [(Half)1, (Half)2, (Half)3, (Half)4, (Half)5, (Half)6]));
        var reader = net.Node("Relu", half).Producer!;

        ConstantInput.Select(reader, 0, 1, [0, 2]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(half.Constant!.Dimensions, Is.EqualTo(new long[] { 2, 2 }));
            Assert.That(half.Constant.AsSpan<Half>().ToArray(), Is.EqualTo(new[] { (Half)1, (Half)3, (Half)4, (Half)6 }));
        }
    }

    [Test]
    public void Apply_TheGivenModel_StaysAsItIs()
    {
        var net = new TinyNetwork();
        var model = net.Finish(net.Conv(net.Input, 8));
        var before = GraphText.Print(model);
        var groups = PruningCheck.GroupsOf(model);

        ChannelRemoval.Apply(model, groups, Removing(groups, 1, 5));

        Assert.That(GraphText.Print(model), Is.EqualTo(before));
    }

    /// <summary>Of the first group.</summary>
    private static Dictionary<ChannelGroup, IReadOnlySet<int>> Removing(ChannelGroups groups, params int[] channels) => new() { [groups.All[0]] = channels.ToHashSet() };
}
