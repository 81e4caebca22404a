using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class TensorObserverTests
{
    [Test]
    public void Observe_NotFinite_IsCountedAndLeftOut([Values(3, 40, 9000)] int count)
    {
        var elements = Enumerable.Range(0, count).Select(index => index % 3 == 0 ? -1f : 2f).ToArray();
        (elements[0], elements[1], elements[^1]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);

        var statistics = Distributions.Statistics(elements);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(statistics.NotFinite, Is.EqualTo(3));
            Assert.That(statistics.Range, Is.EqualTo(count == 3 ? TensorRange.Empty : new TensorRange(-1, 2)));
            Assert.That(Total(statistics.Histogram!), Is.EqualTo(count - 3));
            Assert.That(statistics.Ends!.Value.Samples, Is.EqualTo(count == 3 ? 0 : 1));
            Assert.That(statistics.Squares!.Value.Elements, Is.EqualTo(count - 3));
        }
    }

    /// <summary>With and without a histogram, in one block and in several, and where squares are too small or too large for a float.</summary>
    [TestCase(1f, 3f, 2.23606797749979)]
    [TestCase(0f, 0f, 0)]
    [TestCase(1e-25f, 1e-25f, 1e-25)]
    [TestCase(2e19f, -2e19f, 2e19)]
    [TestCase(float.MaxValue, float.MinValue, float.MaxValue)]
    public void RootMeanSquare_OfAllSamples_IsExact(float first, float second, double expected)
    {
        foreach (var kinds in (StatisticsKinds[])[StatisticsKinds.None, StatisticsKinds.Histogram])
        {
            var observer = new TensorObserver(kinds);
            foreach (var element in (float[])[first, second])
            {
                observer.Observe(Enumerable.Repeat(element, 4096).ToArray(), new());
            }

            Assert.That(observer.Statistics.Squares!.Value.RootMeanSquare, Is.EqualTo(expected).Within(1e-5).Percent, $"{kinds}");
        }
    }

    [Test]
    public void Observe_Empty_IsNoSample()
    {
        var statistics = Distributions.Statistics([], [1f]);

        Assert.That(statistics.Ends!.Value.Samples, Is.EqualTo(1));
    }

    [Test]
    public void Observe_FromManyThreads_CountsAll()
    {
        var samples = Enumerable.Range(1, 64).Select(index => Distributions.Normal(5000, deviation: index)).ToArray();
        var expected = Distributions.Statistics(samples);
        var observer = new TensorObserver(StatisticsKinds.All);
        using var counters = new ThreadLocal<HistogramCounter>(() => new());

        Parallel.ForEach(samples, new ParallelOptions { MaxDegreeOfParallelism = 8 }, sample => observer.Observe(sample, counters.Value!));

        var actual = observer.Statistics;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Range, Is.EqualTo(expected.Range));
            Assert.That(actual.Ends, Is.EqualTo(expected.Ends));
            Assert.That(actual.Squares, Is.EqualTo(expected.Squares));
            Assert.That(actual.Histogram!.Exponent, Is.EqualTo(expected.Histogram!.Exponent));
            Assert.That(actual.Histogram.Bins.ToArray(), Is.EqualTo(expected.Histogram.Bins.ToArray()));
        }
    }

    [Test]
    public void Extremes_EveryLengthAndPlace_AreFound()
    {
        foreach (var length in Enumerable.Range(1, 70))
        {
            foreach (var place in Enumerable.Range(0, length))
            {
                var elements = Enumerable.Repeat(0.5f, length).ToArray();
                elements[place] = -3;
                elements[^(place + 1)] = place * 2 == length - 1 ? -3 : 7;

                var range = ElementSummary.Of(elements).Range;

                Assert.That(range, Is.EqualTo(place * 2 == length - 1 ? new(-3, length == 1 ? -3 : 0.5f) : new TensorRange(-3, 7)), $"{place} of {length}");
            }
        }
    }

    [TestCase(0f)]
    [TestCase(1f)]
    [TestCase(-1.5f)]
    [TestCase(1e-45f)]
    [TestCase(-1.1754942e-38f)]
    [TestCase(float.MaxValue)]
    [TestCase(5e-324)]
    [TestCase(-1.0 / 3)]
    [TestCase(double.MaxValue)]
    public void ExactSum_OfOne_IsItself(double value) => Assert.That(ExactSum.Of(value).Mean(1), Is.EqualTo(value));

    /// <summary>Added up in double precision, the 1 would be lost.</summary>
    [Test]
    public void ExactSum_LargeTermsThatCancel_KeepsTheSmall() =>
        Assert.That((ExactSum.Of(1e300) + ExactSum.Of(1) + ExactSum.Of(-1e300)).Mean(4), Is.EqualTo(0.25));

    [Test]
    public void ExactSum_NotFinite_IsRefused() => Assert.That(() => ExactSum.Of(float.NaN), Throws.ArgumentException);

    private static long Total(Histogram histogram) => histogram.Bins.ToArray().Sum() + histogram.Zeros;
}
