using System.Collections.Immutable;
using QuantBuild.Quantization.Planning;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>What biases make up for has to be there on samples that did not choose it: the fourth of four.</summary>
[TestFixture]
internal sealed class LastingMeansTests
{
    [Test]
    public void AllSamplesAgree_MeanOfAll() =>
        Assert.That(Find([1, -2], [3, -2], [1, -2], [3, -6]), Is.EqualTo([2.0, -3.0]));

    [Test]
    public void ProvingSampleErrsTheOtherWay_Nothing() =>
        Assert.That(Find([1, -2], [1, -2], [1, -2], [-1, 2]), Is.Empty);

    /// <summary>Half of what was chosen is the most that may be missing: beyond, the error that is left is larger than the one that was.</summary>
    [TestCase(0.51, true)]
    [TestCase(0.49, false)]
    public void ProvingSampleErrsLess_HalfOfItDecides(double proved, bool isKept) =>
        Assert.That(Find([1], [1], [1], [proved]), isKept ? Has.Length.EqualTo(1) : Is.Empty);

    /// <summary>The layer is what is proved, so that one small channel does not speak against the others.</summary>
    [Test]
    public void OneSmallChannelErrsTheOtherWay_AllAreKept() =>
        Assert.That(Find([1, 0.1], [1, 0.1], [1, 0.1], [1, -0.1]), Has.Length.EqualTo(2));

    [Test]
    public void NoSampleProves_Nothing() => Assert.That(Find([1], [1], [1]), Is.Empty);

    [Test]
    public void SamplesHaveDifferentNumbersOfChannels_Nothing() => Assert.That(Find([1], [1], [1, 1], [1]), Is.Empty);

    /// <summary>As of a layer in a branch that some samples do not take.</summary>
    [Test]
    public void SamplesThatDoNotComeToTheLayer_PositionsStayThoseOfAll() =>
        Assert.That(UnitErrorMeter.LastingMeans([(1, [1.0]), (7, [1.0])]), Has.Length.EqualTo(1));

    private static ImmutableArray<double> Find(params double[][] means) =>
        UnitErrorMeter.LastingMeans([.. means.Index().Select(entry => (entry.Index, entry.Item.ToImmutableArray()))]);
}
