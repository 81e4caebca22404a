using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class EnergyTests
{
    /// <summary>About what a float keeps of a sum of 2048 squares.</summary>
    private const double Precision = 1e-5;

    /// <summary>Around the blocks of 2048 elements.</summary>
    private static readonly int[] Lengths = [0, 1, 2047, 2048, 2049, 10000];

    [TestCaseSource(nameof(Lengths))]
    public void Of_AnyLength_IsTheSumOfSquares(int length)
    {
        var elements = Elements(length, 1);

        var expected = 0.0;
        foreach (var element in elements)
        {
            expected += (double)element * element;
        }

        Assert.That(Energy.Of(elements), Is.EqualTo(expected).Within(expected * Precision));
    }

    [TestCaseSource(nameof(Lengths))]
    public void OfDifference_AnyLength_IsTheSumOfSquaredDifferences(int length)
    {
        var (first, second) = (Elements(length, 1), Elements(length, 2));

        var expected = 0.0;
        for (var i = 0; i < length; i++)
        {
            expected += Math.Pow((double)first[i] - second[i], 2);
        }

        Assert.That(Energy.OfDifference(first, second), Is.EqualTo(expected).Within(expected * Precision));
    }

    /// <summary>In one long sum of floats each element would be rounded to what the sum can hold.</summary>
    [Test]
    public void Of_ManyElements_RoundsNoneOff()
    {
        const int Count = 1 << 23;
        var elements = new float[Count];
        Array.Fill(elements, 0.1f);

        var expected = Count * Math.Pow(0.1f, 2);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Energy.Of(elements), Is.EqualTo(expected).Within(expected * Precision));
            Assert.That(Energy.OfDifference(elements, new float[Count]), Is.EqualTo(expected).Within(expected * Precision));
        }
    }

    [Test]
    public void OfDifference_WithItself_IsNothing() => Assert.That(Energy.OfDifference(Elements(3000, 1), Elements(3000, 1)), Is.Zero);

    [TestCase(0, 1)]
    [TestCase(2048, 2047)]
    [TestCase(3, 4)]
    public void OfDifference_DifferentLengths_IsInfinite(int first, int second) =>
        Assert.That(Energy.OfDifference(Elements(first, 1), Elements(second, 1)), Is.EqualTo(double.PositiveInfinity));

    [TestCase(0, 0, 0)]
    [TestCase(0, double.NaN, 0)]
    [TestCase(1, 4, 0.25)]
    [TestCase(1, 0, double.PositiveInfinity)]
    [TestCase(double.NaN, 1, double.PositiveInfinity)]
    [TestCase(double.PositiveInfinity, 1, double.PositiveInfinity)]
    [TestCase(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity)]
    public void Share_NoiseOfSignal_IsNeverNotANumber(double noise, double signal, double share) => Assert.That(Energy.Share(noise, signal), Is.EqualTo(share));

    [TestCase(1, 0)]
    [TestCase(0.01, 20)]
    [TestCase(0, double.PositiveInfinity)]
    public void Decibels_OfAShare_CountDown(double share, double decibels) => Assert.That(Energy.Decibels(share), Is.EqualTo(decibels).Within(1e-12));

    /// <summary>As of scores that are masked.</summary>
    [Test]
    public void Infinities_ThatAreTheSame_AreNoNoise_AndNoSignal()
    {
        float[] masked = [float.NegativeInfinity, 3, float.PositiveInfinity, 4];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Energy.OfSignal(masked), Is.EqualTo(25));
            Assert.That(Energy.Of(masked), Is.EqualTo(double.PositiveInfinity), "noise that is infinite stays so");
            Assert.That(Energy.OfDifference(masked, [float.NegativeInfinity, 3, float.PositiveInfinity, 2]), Is.EqualTo(4));
            Assert.That(Energy.OfDifference(masked, [0, 3, float.PositiveInfinity, 4]), Is.EqualTo(double.PositiveInfinity));
            Assert.That(Energy.OfDifference(masked, [float.PositiveInfinity, 3, float.PositiveInfinity, 4]), Is.EqualTo(double.PositiveInfinity));
            Assert.That(Energy.OfDifference(masked, [float.NaN, 3, float.PositiveInfinity, 4]), Is.NaN);
        }
    }

    /// <summary>A sample that is NaN makes the float model's outputs NaN: it tells nothing of another model, for or against it.</summary>
    [Test]
    public void NaNThatIsExpected_IsNeitherSignalNorNoise()
    {
        float[] expected = [float.NaN, 3, float.NaN, 2];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Energy.OfDifference(expected, [1, 3, float.NaN, 4]), Is.EqualTo(4));
            Assert.That(Energy.OfSignal(expected), Is.EqualTo(13));
            Assert.That(Energy.OfDifference([1, 3, 5, 2], expected), Is.NaN, "a result that is NaN is no result");
        }
    }

    private static float[] Elements(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (random.NextSingle() * 4) - 1.5f)];
    }
}
