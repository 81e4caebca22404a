using System.Collections.Immutable;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class LatencyStatisticsTests
{
    /// <summary>The ranks of tables for the interval of a median: of 20 values the 6th and the 15th, of 60 the 22nd and the 39th.</summary>
    [TestCase(6, 1, 6)]
    [TestCase(15, 4, 12)]
    [TestCase(20, 6, 15)]
    [TestCase(50, 18, 33)]
    [TestCase(60, 22, 39)]
    public void Interval_OfRatios_IsThatOfTheirMedian(int rounds, int low, int high)
    {
        // The ratio of round i is i, in no order
        var times = Enumerable.Range(1, rounds).Select(i => new BlockTimes(i * 2.0, i, 2)).OrderBy(time => (time.Given * 7) % 5).ToArray();

        var report = LatencyStatistics.Of(1, times);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Interval, Is.EqualTo(new double[] { low, high }));
            Assert.That(report.PreparedInterval, Is.EqualTo(new[] { low / 2.0, high / 2.0 }));
            Assert.That(report.Speedup, Is.EqualTo((rounds + 1) / 2.0));
            Assert.That(report.PreparedSpeedup, Is.EqualTo((rounds + 1) / 4.0));
            Assert.That((report.FloatMs, report.PreparedFloatMs, report.QuantizedMs), Is.EqualTo((rounds + 1.0, (rounds + 1) / 2.0, 2.0)));
        }
    }

    [Test]
    public void Interval_OfTooFewRounds_ExcludesNothing() =>
        Assert.That(LatencyStatistics.Of(1, Rounds(5, 2)).Interval, Is.EqualTo(new[] { 0, double.PositiveInfinity }));

    /// <summary>A few rounds during which the machine did something else, in the middle of a block.</summary>
    [Test]
    public void Speedup_RoundsThatWereDisturbed_ChangesNothing()
    {
        BlockTimes[] times = [.. Rounds(17, 2), new(2, 2, 50), new(90, 2, 1), new(20, 20, 10)];

        var report = LatencyStatistics.Of(1, times);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Speedup, Is.EqualTo(2));
            Assert.That(report.Interval, Is.EqualTo(new double[] { 2, 2 }));
            Assert.That((report.FloatMs, report.QuantizedMs), Is.EqualTo((2.0, 1.0)));
        }
    }

    [TestCase(14, 0, false)]
    [TestCase(15, 0, true)]
    [TestCase(15, 0.001, true)]
    [TestCase(40, 0.01, false)]
    public void IsSettled_AsTheRatiosSpread(int rounds, double step, bool expected)
    {
        var times = Enumerable.Range(0, rounds).Select(i => new BlockTimes(2 + (i * step * 2), 2, 1)).ToArray();

        Assert.That(LatencyStatistics.IsSettled(times), Is.EqualTo(expected));
    }

    /// <summary>Ratios of 2 to 2.18, with fewer rounds than a narrow interval takes.</summary>
    [TestCase(6, new[] { 1.0 }, true)]
    [TestCase(5, new[] { 1.0 }, false, Description = "no interval yet")]
    [TestCase(6, new[] { 1.0, 2.1 }, false, Description = "which side of 2.1 is not certain")]
    [TestCase(6, new double[0], false, Description = "the ratio itself decides")]
    public void IsSettled_WithLessPrecision_WhereNoLimitIsInDoubt(int rounds, double[] limits, bool expected)
    {
        var times = Enumerable.Range(0, rounds).Select(i => new BlockTimes(2 + (i * 0.18 / 5), 2, 1)).ToArray();

        Assert.That(LatencyStatistics.IsSettled(times, limits), Is.EqualTo(expected));
    }

    [Test]
    public void IsSettled_NotWithWideIntervals() =>
        Assert.That(LatencyStatistics.IsSettled([.. Enumerable.Range(0, 30).Select(i => new BlockTimes(2 + (i * 0.02), 2, 1))], 1), Is.False);

    [TestCase(new[] { "physical id : 0", "core id : 0", "physical id : 0", "core id : 1" }, 2)]
    [TestCase(new[] { "physical id : 0", "core id : 0", "physical id : 0", "core id : 0" }, 1, Description = "two threads of one core")]
    [TestCase(new[] { "physical id : 0", "core id : 0", "physical id : 1", "core id : 0" }, 2, Description = "two processors")]
    public void CoresOf_ProcessorList_CountsCores(string[] info, int expected) => Assert.That(Machine.CoresOf(info), Is.EqualTo(expected));

    [Test]
    public void CoresOf_NoList_CountsProcessors() => Assert.That(Machine.CoresOf([]), Is.EqualTo(Environment.ProcessorCount));

    private static ImmutableArray<BlockTimes> Rounds(int count, double speedup) => [.. Enumerable.Repeat(new BlockTimes(speedup, speedup, 1), count)];
}
