using CsCheck;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class HistogramTests
{
    private static readonly Gen<float[][]> Samples = Gen.OneOf(
        Gen.Float[-1, 1], Gen.Float[-1e-3f, 1e3f], Gen.Float[0, 1e-38f], Gen.Float.Where(float.IsFinite), Gen.Const(0f)).Array[0, 40].Array[1, 12];

    /// <summary>A power of two as the maximum: it is the first element of a new bin, so the exponent grows with it.</summary>
    [TestCase(1f, -10)]
    [TestCase(0.99999994f, -11)]
    [TestCase(2048f, 1)]
    [TestCase(float.MaxValue, 117)]
    [TestCase(1e-45f, -126)]
    [TestCase(0f, -126)]
    public void Exponent_OfTheLargestMagnitude_FitsItIntoTheBins(float largest, int exponent)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Histogram.ExponentFor(largest), Is.EqualTo(exponent));
            Assert.That(largest, Is.LessThan(Histogram.BinsPerSide * Math.ScaleB(1.0, exponent)));
        }
    }

    [Test]
    public void Add_EachSide_CountsInTheBinTowardsZero()
    {
        var histogram = new Histogram();

        histogram.Add([1024f, 1f, 1.5f, -1f, -0.5f, 0f, -0f], 1024);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(histogram.Exponent, Is.Zero);
            Assert.That(histogram.Zeros, Is.EqualTo(2));
            Assert.That(Counts(histogram), Is.EquivalentTo(new[] { (1024, 1L), (1, 2L), (-2, 1L), (-1, 1L) }));
        }
    }

    [Test]
    public void Add_LargerElements_MakesPairsOfBinsOne()
    {
        var histogram = new Histogram();
        histogram.Add([1f, 2f, 3f, 4f, -1f, -2f, -3f, 1024f], 1024);

        histogram.Add([4096f], 4096);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(histogram.Exponent, Is.EqualTo(2));
            Assert.That(Counts(histogram), Is.EquivalentTo(new[] { (0, 3L), (1, 1L), (-1, 3L), (256, 1L), (1024, 1L) }));
        }
    }

    [Test]
    public void Counter_ManyElements_CountsAsTheSlowWayDoes()
    {
        var elements = Distributions.Normal(100_003);
        elements[7] = elements[50_000] = 0;
        var largest = elements.Max(Math.Abs);
        var expected = new Histogram();
        expected.Add(elements, largest);
        var (counter, actual) = (new HistogramCounter(), new Histogram());

        var counted = counter.TryCount(elements, Histogram.ExponentFor(largest));
        actual.Add(counter);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(counted, Is.True);
            Assert.That(counter.Range, Is.EqualTo(new TensorRange(elements.Min(), elements.Max())));
            Assert.That(Content(actual), Is.EqualTo(Content(expected)));
        }
    }

    [Test]
    public void Counter_WithNarrowerBins_IsCoalesced()
    {
        var elements = Distributions.Normal(10_000);
        var expected = new Histogram();
        expected.Add(elements, 1000);
        var (counter, actual) = (new HistogramCounter(), new Histogram());
        actual.Add([], 1000);

        counter.TryCount(elements, Histogram.ExponentFor(elements.Max(Math.Abs)));
        actual.Add(counter);

        Assert.That(Content(actual), Is.EqualTo(Content(expected)));
    }

    /// <summary>Nothing is left of what was counted before the element that did not fit, nor of a wider tensor before.</summary>
    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    [TestCase(-1e9f)]
    public void Counter_AfterOneThatDoesNotFit_StartsAnew(float last)
    {
        var wide = Distributions.Normal(10_000);
        wide[^1] = last;
        var elements = Distributions.Normal(5_000).Select(x => 1 + Math.Abs(x)).ToArray();
        var expected = new Histogram();
        expected.Add(elements, elements.Max());
        var (counter, actual) = (new HistogramCounter(), new Histogram());

        var fitted = counter.TryCount(wide, expected.Exponent);
        counter.TryCount(elements, expected.Exponent);
        actual.Add(counter);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(fitted, Is.False);
            Assert.That(Content(actual), Is.EqualTo(Content(expected)));
        }
    }

    [Test]
    public void Add_AnyOrderAndDivision_GivesTheSame() => Gen.Select(Samples, Gen.Int[0, 1 << 20]).Sample((samples, seed) =>
    {
        var expected = Distributions.Statistics(samples);
        var random = new Random(seed);
        var shuffled = samples.ToArray();
        random.Shuffle(shuffled);
        var parts = shuffled.GroupBy(_ => random.Next(3)).Select(part => Distributions.Statistics([.. part]));

        var merged = parts.Aggregate((left, right) => random.Next(2) == 0 ? left.MergedWith(right) : right.MergedWith(left));

        return merged.Range == expected.Range && merged.Ends == expected.Ends && Content(merged.Histogram!).SequenceEqual(Content(expected.Histogram!));
    });

    private static IEnumerable<(int Bin, long Count)> Counts(Histogram histogram) => histogram.Bins.ToArray()
        .Select((count, bin) => (bin - Histogram.BinsPerSide, count)).Where(entry => entry.count > 0);

    private static IEnumerable<long> Content(Histogram histogram) => histogram.Bins.ToArray().Append(histogram.Zeros).Append(histogram.Exponent);
}
