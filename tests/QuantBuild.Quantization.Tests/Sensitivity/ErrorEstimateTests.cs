using QuantBuild.Quantization.Sensitivity;

namespace QuantBuild.Quantization.Tests.Sensitivity;

internal sealed class ErrorEstimateTests
{
    private static readonly SampleErrors Float = new([(0, 50), (0, 10)], 0, 1);

    /// <summary>The second output suffers, and twice as much where all units make twice the noise.</summary>
    private static readonly SampleErrors[] All = [.. Enumerable.Range(0, 8).Select(index => new SampleErrors([(0.1, 50), (1 + index % 2, 10)], 0.1 * (1 + index % 2), 1))];

    [Test]
    public void Errors_AreThoseOfAllSamples_InProportionToAllUnits()
    {
        // Three of the four have little noise, and three of all eight: without the proportion it would be too little.
        var errors = new ErrorEstimate([Quarter(0), Quarter(2), Quarter(4), Quarter(1)]).On([.. All.Select(_ => Float)], All);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(errors.SquaredError, Is.EqualTo(12 / 4.0 / 80).Within(1e-12));
            Assert.That(errors.SqnrDb, Is.EqualTo(-10 * Math.Log10(12 / 4.0 / 80)).Within(1e-9));
            Assert.That(errors.Divergence, Is.EqualTo(1.2 / 4 / 8).Within(1e-12));
            Assert.That((errors.Metric, errors.Samples), Is.EqualTo((1.0, 4)));
        }
    }

    [Test]
    public void AllUnits_AreWhatTheyAre()
    {
        var errors = ErrorEstimate.Of(All);

        Assert.That((errors.SquaredError, errors.Metric, errors.Samples), Is.EqualTo((12.0 / 80, 1.0, 8)));
    }

    [Test]
    public void IsKnown_UntilASampleIsScoredInAnotherWay()
    {
        SampleOutcome[] seen = [Quarter(0), Quarter(1), Quarter(2)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(new ErrorEstimate(seen).IsKnown, Is.True);
            Assert.That(new ErrorEstimate([.. seen, Quarter(3) with { Varied = Quarter(3).Varied with { Metric = 0 } }]).IsKnown, Is.False);
            Assert.That(new ErrorEstimate([.. seen, Quarter(3) with { Varied = Quarter(3).Varied with { Divergence = 0.4 } }]).IsKnown, Is.False);
            Assert.That(new ErrorEstimate([.. seen, Quarter(3) with { Varied = Quarter(3).Varied with { Energies = [(0, 50), (2, 10)] } }]).IsKnown, Is.False);
        }
    }

    /// <summary>The first output has the larger numbers, of which the noise is nothing: it is the second that the decibels tell of.</summary>
    [TestCase(1000, ExpectedResult = false)]
    [TestCase(1, ExpectedResult = true)]
    public bool IsKnown_OfTheOutputThatSuffersMost(double signal)
    {
        SampleOutcome Outcome(double noise) => new(new([(2, signal), (noise, 10)], null, null), Float, new([(8, signal), (4, 10)], null, null));

        return new ErrorEstimate([Outcome(0.1), Outcome(1), Outcome(0.2), Outcome(0.1)]).IsKnown;
    }

    [Test]
    public void ModelThatCannotRun_HasInfiniteNoise_AndIsKnown()
    {
        var estimate = new ErrorEstimate([Quarter(0) with { Varied = new([(double.PositiveInfinity, 0), (double.PositiveInfinity, 0)], null, null) }, Quarter(1), Quarter(2)]);

        Assert.That((estimate.IsKnown, estimate.On([.. All.Select(_ => Float)], All).SquaredError), Is.EqualTo((true, double.PositiveInfinity)));
    }

    /// <summary>A unit that makes a quarter of all noise.</summary>
    private static SampleOutcome Quarter(int sample) =>
        new(new([(0, 50), (All[sample].Energies[1].Noise / 4, 10)], All[sample].Divergence / 4, 1), Float, All[sample]);
}
