using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

[Parallelizable(ParallelScope.All)]
internal sealed class ChannelGroupsTests
{
    [Test]
    public void Of_ResidualConnection_CouplesBothBranches()
    {
        var net = new TinyNetwork();
        var stem = net.Conv(net.Input, 4);
        var model = net.Finish(net.Add(net.Conv(net.Relu(stem), 4), stem));

        var group = PruningCheck.GroupsOf(model).All[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That((group.Count, group.Reason), Is.EqualTo((4, (string?)null)));
            Assert.That(group.Producers.Select(Text), Is.EqualTo(new[] { "Conv.1 axis 0: 0 1 2 3", "Conv_1.1 axis 0: 0 1 2 3" }));
            Assert.That(group.Parameters.Select(Text), Is.EqualTo(new[] { "Conv.2 axis 0: 0 1 2 3", "Conv_1.2 axis 0: 0 1 2 3" }));
            Assert.That(group.Readers.Select(slot => slot.Node.OpType), Is.EqualTo(new[] { "Conv", "Gemm" }));
        }
    }

    [Test]
    public void Of_ConcatBeforeFlatten_GivesRowsAtOffsets()
    {
        var net = new TinyNetwork();
        var (left, right) = (net.Conv(net.MaxPool(net.MaxPool(net.Input)), 2), net.Conv(net.MaxPool(net.MaxPool(net.Input)), 3));
        var model = net.Finish(net.Concat(left, right));

        var groups = PruningCheck.GroupsOf(model).All;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(groups.Select(group => (group.Name, group.Count)), Is.EqualTo(new[] { ("Conv", 2), ("Conv_1", 3), ("Gemm", 5) }));
            Assert.That(groups[0].Readers.Select(Text), Is.EqualTo(new[] { "Gemm.1 axis 0: 0,1,2,3 4,5,6,7" }));
            Assert.That(groups[1].Readers.Select(Text), Is.EqualTo(new[] { "Gemm.1 axis 0: 8,9,10,11 12,13,14,15 16,17,18,19" }));
        }
    }

    [Test]
    public void Of_DepthwiseConvolution_HandsChannelsOn()
    {
        var net = new TinyNetwork();
        var model = net.Finish(net.Conv(net.Conv(net.Conv(net.Input, 3), 6, 3, groups: 3), 4));

        var group = PruningCheck.GroupsOf(model).All[0];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(group.Parameters.Select(Text), Is.EqualTo(new[] { "Conv.2 axis 0: 0 1 2", "Conv_1.1 axis 0: 0,1 2,3 4,5", "Conv_1.2 axis 0: 0,1 2,3 4,5" }));
            Assert.That(group.Readers.Select(Text), Is.EqualTo(new[] { "Conv_2.1 axis 1: 0,1 2,3 4,5" }));
        }
    }

    [Test]
    public void Of_FewGroups_TakesTheSameFromEach()
    {
        var net = new TinyNetwork();
        var model = net.Finish(net.Conv(net.Conv(net.Input, 6), 4, groups: 2));

        var groups = PruningCheck.GroupsOf(model).All;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(groups[0].Producers.Select(Text), Is.EqualTo(new[] { "Conv.1 axis 0: 0,3 1,4 2,5" }));
            Assert.That(groups[0].Readers.Select(Text), Is.EqualTo(new[] { "Conv_1.1 axis 1: 0 1 2" }));
            Assert.That(groups[1].Producers.Select(Text), Is.EqualTo(new[] { "Conv_1.1 axis 0: 0,2 1,3" }));
        }
    }

    /// <summary>The channels that the shortcut pads with zeros are those of the second layer alone.</summary>
    [Test]
    public void Of_PaddedShortcut_DividesTheChannelsOfALayer()
    {
        var net = new TinyNetwork();
        var stem = net.Conv(net.Input, 2);
        var padded = stem with { Value = net.Node("Pad", stem.Value, net.Longs(0, 1, 0, 0, 0, 1, 0, 0)) };
        var model = net.Finish(net.Add(net.Conv(stem, 4), padded) with { Channels = 4 });

        var groups = PruningCheck.GroupsOf(model).All;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(groups.Select(group => group.Name), Is.EqualTo(new[] { "Conv", "Conv_1", "Gemm" }));
            Assert.That(groups[0].Producers.Select(Text), Is.EqualTo(new[] { "Conv.1 axis 0: 0 1", "Conv_1.1 axis 0: 1 2" }));
            Assert.That(groups[1].Producers.Select(Text), Is.EqualTo(new[] { "Conv_1.1 axis 0: 0 3" }));
        }
    }

    /// <summary>What one half alone goes through could be left empty, so the halves are groups of their own.</summary>
    [Test]
    public void Of_Split_DividesTheChannelsOfALayer()
    {
        var net = new TinyNetwork();
        var split = net.Graph.AddNode("Split", [net.Conv(net.Input, 4).Value, net.Longs(1, 3)], [net.Graph.AddValue("left"), net.Graph.AddValue("right")]).Set("axis", 1L);
        var model = net.Finish(net.Concat(new(split.Outputs[1]!, 3, 8), net.Relu(new(split.Outputs[0]!, 1, 8))));

        var groups = PruningCheck.GroupsOf(model).All;

        Assert.That(groups.Select(group => (group.Name, group.Count, group.Reason)), Is.EqualTo(new[]
        {
            ("Conv", 1, "there is one alone"), ("Conv#2", 3, null), ("Gemm", 5, "they come out of the graph as 'Gemm'"),
        }));
    }

    private static string Text(ChannelSlot slot) =>
        $"{slot.Node.Output}.{slot.Input} axis {slot.Axis}: {string.Join(' ', slot.Positions.Select(positions => string.Join(',', positions)))}";
}
