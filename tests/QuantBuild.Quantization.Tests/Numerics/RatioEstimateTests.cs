using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class RatioEstimateTests
{
    private static readonly double[] References = [1, 3, 2, 8, 4, 1, 5, 2];

    [Test]
    public void WhatIsInProportion_IsKnownFromTwo() =>
        Assert.That(EstimateOf([.. References.Take(2).Select(reference => (reference / 4, reference))]), Is.EqualTo((true, References.Sum() / 4)));

    [Test]
    public void One_TellsNothingOfItsError() => Assert.That(EstimateOf([(0.25, 1)]).IsKnown, Is.False);

    /// <summary>The mean is 10 and the standard error √(Σd² / (n (n − 1))): 0.98 of four of which two are 1.7 above and two as much below, 1.01 with 1.75.</summary>
    [TestCase(1.7, true)]
    [TestCase(1.75, false)]
    public void IsKnown_WithAStandardErrorOfATenth(double deviation, bool expected) => Assert.That(
        EstimateOf([(10 + deviation, 0), (10 - deviation, 0), (10 + deviation, 0), (10 - deviation, 0)]), Is.EqualTo((expected, 80.0)), "in proportion to their number");

    /// <summary>The sum is 0.02 of the references', which are 400, and its standard error, √(n Σd² / (n − 1)), 1.99 and 2.01.</summary>
    [TestCase(0.862, true)]
    [TestCase(0.871, false)]
    public void IsKnown_WithLittleOfTheOther(double deviation, bool expected) => Assert.That(
        EstimateOf([(2 + deviation, 100), (2 - deviation, 100), (2 + deviation, 100), (2 - deviation, 100)]).IsKnown, Is.EqualTo(expected));

    [Test]
    public void Nothing_IsKnown() => Assert.That((new RatioEstimate([]).IsKnown, new RatioEstimate([]).IsEmpty), Is.EqualTo((true, true)));

    [Test]
    public void Infinite_IsKnown() => Assert.That(EstimateOf([(double.PositiveInfinity, 1), (1, 1)]), Is.EqualTo((true, double.PositiveInfinity)));

    [Test]
    public void InfiniteOther_IsLeftOut() => Assert.That(EstimateOf([(1, double.PositiveInfinity), (1, 1)]), Is.EqualTo((true, 8.0)));

    [Test]
    public void InfiniteOtherOfThePopulation_IsLeftOut() => Assert.That(new RatioEstimate([(1, 1), (1, 3)]).Total(8, double.PositiveInfinity), Is.EqualTo(8));

    [Test]
    public void All_AreTheirSum() => Assert.That(EstimateOf([.. References.Select((reference, index) => (index, reference))]).Total, Is.EqualTo(28));

    private static (bool IsKnown, double Total) EstimateOf((double Value, double Reference)[] sample)
    {
        var estimate = new RatioEstimate(sample);
        return (estimate.IsKnown, estimate.Total(References.Length, References.Sum()));
    }
}
