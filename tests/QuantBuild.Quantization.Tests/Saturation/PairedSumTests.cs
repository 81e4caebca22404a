using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Tests.Saturation;

internal sealed class PairedSumTests
{
    /// <summary>Pairs are positions 0 and 1, 2 and 3: the same products a position further on are no pair.</summary>
    [TestCase("255 255", "127 127", 32767, 64770)]
    [TestCase("255 255", "-128 -128", -32768, -65280)]
    [TestCase("0 255 255 0", "0 127 127 0", 64770, 64770)]
    [TestCase("255 255 255 255", "127 127 -127 -127", -1, 0)]
    [TestCase("255 255 10 0", "127 127 -1 0", 32757, 64760)]
    [TestCase("255 191", "127 2", 32767, 32767)]
    [TestCase("255 192", "127 2", 32767, 32769)]
    [TestCase("255 255", "64 64", 32640, 32640)]
    [TestCase("255", "127", 32385, 32385)]
    [TestCase("", "", 0, 0)]
    public void Of_FewTerms_SaturatesPairs(string activations, string weights, int saturated, int exact)
    {
        var (left, right) = (Row(activations, byte.Parse), Row(weights, sbyte.Parse));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(PairedSum.Of(left, right), Is.EqualTo(new PairedSum(saturated, exact)));
            Assert.That(PairedSum.Portable(left, right), Is.EqualTo(new PairedSum(saturated, exact)));
        }
    }

    [Test]
    public void Of_AnyTerms_IsWhatPortableCodeComputes([Values(32, 96, 1024)] int length)
    {
        var random = new Random(length);
        var (activations, weights) = (new byte[length], new sbyte[length]);
        var changed = 0;
        for (var round = 0; round < 200; round++)
        {
            random.NextBytes(activations);
            var largest = random.Next(60, 129);
            for (var i = 0; i < length; i++)
            {
                weights[i] = (sbyte)random.Next(-largest, Math.Min(largest, 127) + 1);
            }

            var expected = PairedSum.Portable(activations, weights);
            Assert.That(PairedSum.Of(activations, weights), Is.EqualTo(expected));
            changed += expected.Saturated == expected.Exact ? 0 : 1;
        }

        Assert.That(changed, Is.GreaterThan(20).And.LessThan(200), "Both kinds of sums have to be among them.");
    }

    private static T[] Row<T>(string values, Func<string, T> parse)
    {
        var given = values.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(parse).ToArray();
        return [.. given, .. new T[PairedSum.Alignment - given.Length]];
    }
}
