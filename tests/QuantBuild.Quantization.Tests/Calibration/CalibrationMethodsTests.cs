using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Methods;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;
using static QuantBuild.Quantization.Settings.CalibrationMethodName;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class CalibrationMethodsTests
{
    private static readonly CalibrationMethodName[] OfOneTensor = [.. CalibrationMethods.OfOneTensor.Select(method => method.Name)];

    [Test]
    public void MeanMinMax_OddSample_CountsAsOne()
    {
        var range = Distributions.Range(MeanMinMax, [-1, 2], [-3, 4], [0, 30]);

        Assert.That(range, Is.EqualTo(new TensorRange(-4f / 3, 12)));
    }

    /// <summary>Of 1,000 elements, 1 % are cut: 5 at each end. They lie 1 apart in bins 0.5 wide, so that each end is half a bin beyond an element.</summary>
    [Test]
    public void Percentile_EvenElements_CutsHalfAtEachEnd()
    {
        var elements = Enumerable.Range(-500, 1000).Select(index => (float)index).ToArray();

        var range = Distributions.Range(Percentile, 99, [elements]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(range.Min, Is.EqualTo(-495).Within(1));
            Assert.That(range.Max, Is.EqualTo(494).Within(1));
        }
    }

    /// <summary>Four elements in one bin from 1024 to 1025, one of them cut: a quarter of the bin.</summary>
    [Test]
    public void Percentile_WithinABin_Interpolates()
    {
        var range = Distributions.Range(Percentile, 75, [[1024.9f, 1024f, 1024.2f, 1024.99f, -1f, -1f, -1f, -1f]]);

        Assert.That(range.Max, Is.EqualTo(1024.75f));
    }

    [Test]
    public void Percentile_Hundred_IsMinMax() => Assert.That(
        Distributions.Range(Percentile, 100, [[-3f, 0, 5]]), Is.EqualTo(new TensorRange(-3, 5)));

    [Test]
    public void Percentile_MostlyZeros_EndsAtZero() => Assert.That(
        Distributions.Range(Percentile, 60, [[-3f, 0, 0, 0, 0, 0, 0, 0, 5]]), Is.EqualTo(new TensorRange(0, 0)));

    /// <summary>With 128 bins, as others have them, this range would be the full one.</summary>
    [Test]
    public void Method_NormalWithOneOutlier_ClipsTheOutlierAndNotMuchElse([Values(Percentile, Entropy)] CalibrationMethodName method)
    {
        var elements = Distributions.Normal(200_000);
        elements[12_345] = 40;

        var range = Distributions.Range(method, elements);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(range.Max, Is.InRange(3, 6));
            Assert.That(range.Min, Is.InRange(-6, -3));
        }
    }

    /// <summary>
    /// Clipping at h costs (40 − h)², and rounding 200,000·((h + 4.3) / 255)² / 12: least where 40 − h = 0.256·(h + 4.3).
    /// </summary>
    [TestCase(AccuracyEffort.Fast, Mse)]
    [TestCase(AccuracyEffort.Balanced, Auto)]
    [TestCase(AccuracyEffort.Best, Auto)]
    public void RangeMethod_NoneNamed_IsThatOfTheEffort(AccuracyEffort effort, CalibrationMethodName expected)
    {
        var settings = new QuantizationSettings { AccuracyEffort = effort };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(settings.RangeMethod, Is.EqualTo(expected));
            Assert.That((settings with { CalibrationMethod = MinMax }).RangeMethod, Is.EqualTo(MinMax));
        }
    }

    [Test]
    public void Mse_NormalWithOneOutlier_WeighsItAgainstTheRest()
    {
        var elements = Distributions.Normal(200_000);
        elements[12_345] = 40;

        Assert.That(Distributions.Range(Mse, elements).Max, Is.EqualTo(31).Within(0.3));
    }

    [Test]
    public void Entropy_OneSidedTail_EndsApart()
    {
        var elements = Distributions.Normal(100_000).Select(x => x < 0 ? x * 0.05f : x * x * x).ToArray();

        var range = Distributions.Range(Entropy, elements);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(range.Min, Is.InRange(-0.25, -0.05));
            Assert.That(range.Max, Is.InRange(5, elements.Max() * 0.9));
        }
    }

    [Test]
    public void Mse_OfItsRange_IsSmallerThanOfAnyOtherTried()
    {
        var elements = Distributions.Normal(50_000).Select(x => x * x * x).ToArray();
        var best = Distributions.Range(Mse, elements);

        foreach (var (low, high) in new[] { (1.2f, 1f), (0.8f, 1f), (1f, 1.2f), (1f, 0.8f), (1.3f, 1.3f), (0.7f, 0.7f) })
        {
            Assert.That(SquaredError(elements, best), Is.LessThan(SquaredError(elements, new(best.Min * low, best.Max * high))), $"{low} {high}");
        }
    }

    /// <summary>From the histogram alone, within a hundredth of what the elements really lose.</summary>
    [TestCase(1200, 1800)]
    [TestCase(600, 500)]
    [TestCase(0, 900)]
    public void Mse_ErrorFromTheHistogram_IsThatOfTheElements(int low, int high)
    {
        var elements = Distributions.Normal(200_000);
        var histogram = Distributions.Statistics(elements).Histogram!;
        var width = histogram.BinWidth;

        var expected = MseMethod.Error(new HistogramMoments(histogram), low, high, 256) * width * width / elements.Length;

        Assert.That(expected, Is.EqualTo(SquaredError(elements, new((float)(-low * width), (float)(high * width)))).Within(1).Percent);
    }

    [Test]
    public void Mse_SixteenBits_ClipsLess() => Assert.That(
        CalibrationMethods.OfOneTensor.Single(row => row.Name == Mse).RangeOf(Distributions.Statistics(Distributions.Normal(50_000)), new(99.999, 65536)).Max,
        Is.GreaterThan(Distributions.Range(Mse, Distributions.Normal(50_000)).Max));

    [Test]
    public void Logarithm_ByTable_IsThatOfThePlatform()
    {
        for (var value = 1e-4; value < 1e15; value *= 1.0003)
        {
            Assert.That(TableLogarithm.Of(value), Is.EqualTo(Math.Log(value)).Within(1e-9));
        }
    }

    /// <summary>Two levels over four bins: {8, 0 | 4, 4}, of which the second half is what it was and the first is too, for empty bins stay empty.</summary>
    [Test]
    public void Divergence_WhatTheLevelsKeep_IsZero() => Assert.That(Divergence(2, 0, 4, 8, 0, 4, 4), Is.Zero.Within(1e-9));

    /// <summary>{6, 2 | 4, 4} becomes {4, 4 | 4, 4}: 6/16·ln(6/4) + 2/16·ln(2/4).</summary>
    [Test]
    public void Divergence_WhatTheLevelsEven_IsCounted() => Assert.That(
        Divergence(2, 0, 4, 6, 2, 4, 4), Is.EqualTo((6.0 / 16 * Math.Log(1.5)) + (2.0 / 16 * Math.Log(0.5))).Within(1e-9));

    /// <summary>Clipped to two bins, {8, 4} with 4 beyond is p = {1/2, 1/2} against q = {2/3, 1/3}.</summary>
    [Test]
    public void Divergence_Clipped_CountsInTheOutermostBin() => Assert.That(
        Divergence(2, 0, 2, 8, 4, 4), Is.EqualTo((0.5 * Math.Log(0.75)) + (0.5 * Math.Log(1.5))).Within(1e-9));

    /// <summary>{8, 0} with 4 beyond is p = {2/3, 1/3}; q is 1 where the 8 are, and 1e-4/8 where nothing was.</summary>
    [Test]
    public void Divergence_ClippedIntoAnEmptyLevel_IsLargeButFinite() => Assert.That(
        Divergence(2, 0, 2, 8, 0, 4), Is.EqualTo((2.0 / 3 * Math.Log(2.0 / 3)) + (1.0 / 3 * Math.Log(1.0 / 3 / (1e-4 / 8)))).Within(1e-9));

    [Test]
    public void Divergence_FewerBinsThanLevels_IsInfinite() => Assert.That(Divergence(4, 0, 3, 8, 2, 4), Is.EqualTo(double.PositiveInfinity));

    [Test]
    public void Divergence_NothingInTheRange_IsInfinite() => Assert.That(Divergence(2, 0, 2, 0, 0, 2, 4), Is.EqualTo(double.PositiveInfinity));

    /// <summary>Bin by bin, as the formula has it; with a limit either that, or infinite where it is more than the limit.</summary>
    [TestCase(0.0)]
    [TestCase(0.02)]
    public void Divergence_AnyRange_IsThatOfTheDefinition(double limit)
    {
        const int Levels = 16;
        var histogram = Distributions.Statistics([.. Distributions.Normal(3_000).Select(x => x * x * x)]).Histogram!;
        var (below, above) = UsedBins.Of(histogram);
        var divergence = new ClippedDivergence(histogram, Levels);
        var skipped = 0;
        for (var (low, high) = (below, above); low > 0 && high > 0; (low, high) = (low - 37, high - 23))
        {
            var expected = DivergenceByDefinition(histogram.Bins.Slice(Histogram.BinsPerSide - below, below + above).ToArray(), below - low, below + high, Levels);
            var limited = divergence.Of(low, high, limit);
            skipped += double.IsInfinity(limited) ? 1 : 0;

            using (Assert.EnterMultipleScope())
            {
                Assert.That(divergence.Of(low, high, double.PositiveInfinity), Is.EqualTo(expected).Within(1e-8), $"{low} {high}");
                Assert.That(limited, Is.EqualTo(expected).Within(1e-8).Or.EqualTo(expected > limit ? double.PositiveInfinity : expected), $"{low} {high}");
            }
        }

        Assert.That(skipped, Is.Positive);
    }

    [Test]
    public void Method_ConstantTensor_HasItsValueAsRange(
        [ValueSource(nameof(OfOneTensor))] CalibrationMethodName method, [Values(3f, -0.7f, 1e-41f, float.MaxValue)] float value)
    {
        var range = Distributions.Range(method, Enumerable.Repeat(value, 100).ToArray()).IncludingZero();

        // Half a bin at the most is cut off where a method may end within one
        using (Assert.EnterMultipleScope())
        {
            Assert.That(value < 0 ? range.Min : range.Max, Is.EqualTo(value).Within(0.2).Percent.Or.EqualTo(value).Within(1e-37f));
            Assert.That(value < 0 ? range.Max : range.Min, Is.Zero);
        }
    }

    [Test]
    public void Method_AllZero_HasZeroAsRange([ValueSource(nameof(OfOneTensor))] CalibrationMethodName method) =>
        Assert.That(Distributions.Range(method, new float[100]), Is.EqualTo(new TensorRange(0, 0)));

    [Test]
    public void Method_NothingFinite_HasNoRange([ValueSource(nameof(OfOneTensor))] CalibrationMethodName method) =>
        Assert.That(Distributions.Range(method, [float.NaN, float.PositiveInfinity]).IsEmpty, Is.True);

    [Test]
    public void Method_AnyTensor_StaysWithinWhatWasSeen([ValueSource(nameof(OfOneTensor))] CalibrationMethodName method)
    {
        foreach (var elements in new[] { Distributions.Normal(10_000, 3, 0.1), Distributions.Normal(10_000, -2), [0.001f, 1f], [-1e30f, 1e-30f] })
        {
            var range = Distributions.Range(method, elements);

            using (Assert.EnterMultipleScope())
            {
                Assert.That(range.Min, Is.GreaterThanOrEqualTo(elements.Min()));
                Assert.That(range.Max, Is.LessThanOrEqualTo(elements.Max()));
            }
        }
    }

    [Test]
    public void Methods_EveryName_HasARow() => Assert.That(CalibrationMethods.All.Keys, Is.EquivalentTo(Enum.GetValues<CalibrationMethodName>()));

    private static double Divergence(int levels, int below, int above, params long[] countsFromZero)
    {
        var bins = new long[Histogram.BinCount];
        countsFromZero.CopyTo(bins, Histogram.BinsPerSide);
        return new ClippedDivergence(new Histogram(0, 5, bins), levels).Of(below, above, double.PositiveInfinity);
    }

    private static double DivergenceByDefinition(long[] bins, int start, int end, int levels)
    {
        var (p, q) = (new double[end - start], new double[end - start]);
        for (var bin = 0; bin < bins.Length; bin++)
        {
            p[Math.Clamp(bin - start, 0, p.Length - 1)] += bins[bin];
        }

        // What is clipped to an empty bin counts as its level's others
        for (var level = 0; level < levels; level++)
        {
            var (from, to) = (level * q.Length / levels, (level + 1) * q.Length / levels);
            var used = bins[(start + from)..(start + to)].Where(count => count > 0).ToArray();
            q.AsSpan(from, to - from).Fill(used.Length > 0 ? used.Average() : 1e-4);
        }

        var inside = bins[start..end].Sum();
        return p.Zip(q).Where(pair => pair.First > 0).Sum(pair => pair.First / p.Sum() * Math.Log(pair.First / p.Sum() / (pair.Second / inside)));
    }

    private static double SquaredError(float[] elements, TensorRange range)
    {
        var parameters = AffineQuantization.ChooseParameters(range, new(Onnx.ElementType.UInt8, false, false));
        return elements.Average(element => Math.Pow(element - AffineQuantization.Dequantize(
            AffineQuantization.Quantize(element, parameters.Scale, parameters.ZeroPoint, Onnx.ElementType.UInt8), parameters.Scale, parameters.ZeroPoint), 2));
    }
}
