using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class ChannelObserverTests
{
    [Test]
    public void Observe_Planes_RangesAreOfFiniteElements()
    {
        var observer = new ChannelObserver(new(1, 2));
        observer.Observe([1, -2, float.NaN, 3, /**/ 5, 4, float.NegativeInfinity, 6], [1, 2, 2, 2]);
        observer.Observe([0, 7, /**/ -1, 0], [1, 2, 1, 2]);

        Assert.That(observer.Ranges.Ranges, Is.EqualTo(new TensorRange[] { new(-2, 7), new(-1, 6) }));
    }

    [Test]
    public void Observe_Rows_RangesAreOfColumns()
    {
        var observer = new ChannelObserver(new(1, 3));
        observer.Observe([1, 2, -0f, /**/ -1, float.PositiveInfinity, 0], [2, 3]);

        Assert.That(observer.Ranges.Ranges, Is.EqualTo(new TensorRange[] { new(-1, 1), new(2, 2), new(0, 0) }));
    }

    [Test]
    public void MergedWith_AnyDivisionOfTheSamples_IsTheSame()
    {
        var random = new Random(1);
        float[][] samples = [.. Enumerable.Range(0, 9).Select(_ => Enumerable.Range(0, 12).Select(_ => (float)random.NextDouble() - 0.5f).ToArray())];
        ChannelRanges Of(IEnumerable<float[]> part)
        {
            var observer = new ChannelObserver(new(1, 4));
            Parallel.ForEach(part, sample => observer.Observe(sample, [1, 4, 3]));
            return observer.Ranges;
        }

        var whole = Of(samples);
        var merged = samples.GroupBy(_ => random.Next(4)).Select(part => Of(part)).Aggregate(Of([]), (first, second) => second.MergedWith(first));

        Assert.That(merged.Ranges, Is.EqualTo(whole.Ranges));
    }

    [Test]
    public void Changed_IsTheRangeOfTheChangedTensor()
    {
        var observer = new ChannelObserver(new(0, 2));
        observer.Observe([1, -4, /**/ 16, 8], [2, 2]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(observer.Ranges.Changed(default, [0.5f, 4]), Is.EqualTo(new TensorRange(-8, 4)));
            Assert.That(observer.Ranges.Changed([0, 7], null), Is.EqualTo(new TensorRange(-4, 9)));
            Assert.That(observer.Ranges.Changed([0, 8], [2, 4]), Is.EqualTo(new TensorRange(-2, 2)));
            Assert.That(observer.Ranges.Changed(default, [2]), Is.Null);
        }
    }

    [Test]
    public void Observe_SamplesOfOtherChannels_LeavesNothing()
    {
        var observer = new ChannelObserver(new(0, 2));
        observer.Observe([1, 2], [2, 1]);
        observer.Observe([1, 2, 3], [3, 1]);
        observer.Observe([1, 2], [2, 1]);

        Assert.That(observer.Ranges.Ranges, Is.Empty);
    }
}
