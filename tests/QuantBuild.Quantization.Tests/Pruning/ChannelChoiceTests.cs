using System.Collections.Immutable;
using QuantBuild.Quantization.Pruning;

namespace QuantBuild.Quantization.Tests.Pruning;

/// <summary>Which channels go, out of harms that are given.</summary>
internal sealed class ChannelChoiceTests
{
    [Test]
    public void TheLeastHarmful_GoFirst_OverAllGroups()
    {
        var (quiet, loud) = (Group("quiet", 8), Group("loud", 8));

        var removed = new ChannelChoice([Steps(quiet, 1), Steps(loud, 10)]).First(4);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(removed.Keys, Is.EqualTo([quiet]));
            Assert.That(removed[quiet], Is.EquivalentTo([0, 1, 2, 3]), "the first of its steps");
        }
    }

    [TestCase(64, 16, 16)]
    [TestCase(48, 10, 16, Description = "nearer to a block than to none")]
    [TestCase(48, 7, 0)]
    [TestCase(32, 9, 8)]
    [TestCase(12, 4, 4)]
    [TestCase(10, 3, 2, Description = "the odd ones first, so that whole blocks stay; another would be more than asked for by half of it")]
    [TestCase(6, 1, 1)]
    public void WholeBlocks_Stay(int channels, int asked, int removed)
    {
        var group = Group("one", channels);

        Assert.That(new ChannelChoice([Steps(group, 1)]).First(asked).GetValueOrDefault(group)?.Count ?? 0, Is.EqualTo(removed));
    }

    /// <summary>Sixteen of 80 are a fifth, so that no group loses more than two fifths.</summary>
    [Test]
    public void NoGroup_LosesMoreThanTwiceTheShare()
    {
        var (quiet, loud) = (Group("quiet", 24), Group("loud", 56));

        var removed = new ChannelChoice([Steps(quiet, 1), Steps(loud, 10)]).First(16);

        Assert.That(removed[quiet], Has.Count.EqualTo(8));
    }

    private static ChannelGroup Group(string name, int count) => new(name, [.. Enumerable.Range(0, count)]);

    /// <summary>All but one of the channels, in the order of their numbers.</summary>
    private static ImmutableArray<EliminationStep> Steps(ChannelGroup group, double harm) =>
        [.. Enumerable.Range(0, group.Count - 1).Select(channel => new EliminationStep(group, channel, harm * (channel + 1)))];
}
