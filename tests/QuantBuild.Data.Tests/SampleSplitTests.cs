using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace QuantBuild.Data.Tests;

internal sealed class SampleSplitTests
{
    [TestCase(9, 0)]
    [TestCase(10, 2)]
    [TestCase(14, 2)]
    [TestCase(200, 40)]
    public void HoldOut_AFifth_IsRoundedDownAndNothingBelowTen(int count, int heldOut)
    {
        var split = Split([.. Enumerable.Range(0, count)], _ => 0);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(split.HeldOut, Has.Length.EqualTo(heldOut));
            Assert.That(split.Kept.Concat(split.HeldOut).Order(), Is.EqualTo(Enumerable.Range(0, count)));
            Assert.That(split.Kept, Is.Ordered);
            Assert.That(split.HeldOut, Is.Ordered);
        }
    }

    [Test]
    public void HoldOut_AnyOrder_HoldsOutTheSameSamples()
    {
        var random = new Random(3);
        int[] samples = [.. Enumerable.Range(0, 57)];
        var expected = HeldOutSamples(samples);

        for (var i = 0; i < 20; i++)
        {
            random.Shuffle(samples);
            Assert.That(HeldOutSamples(samples), Is.EqualTo(expected));
        }

        static int[] HeldOutSamples(int[] order) => Split(order, sample => sample % 4).HeldOut.Select(index => order[index]).Order().ToArray();
    }

    [Test]
    public void HoldOut_Classes_GiveTheirShareEach()
    {
        // Classes of 50, 30 and 20
        var split = Split([.. Enumerable.Range(0, 100)], sample => sample < 50 ? 0 : sample < 80 ? 1 : null);

        Assert.That(split.HeldOut.GroupBy(index => index < 50 ? 0 : index < 80 ? 1 : 2).OrderBy(part => part.Key).Select(part => part.Count()), Is.EqualTo(new[] { 10, 6, 4 }));
    }

    [Test]
    public void HoldOut_ManySmallClasses_StillGivesAFifth() =>
        Assert.That(Split([.. Enumerable.Range(0, 100)], sample => sample).HeldOut, Has.Length.EqualTo(20));

    [Test]
    public void HoldOut_EqualSamples_StayTogether()
    {
        // Each content three times, once under another label
        var hashes = Enumerable.Range(0, 60).Select(i => Hash(i / 3)).ToImmutableArray();
        var labels = Enumerable.Range(0, 60).Select(i => (double?)(i % 3 == 2 ? 1 : 0)).ToImmutableArray();

        var split = SampleSplit.HoldOut(hashes, labels, SampleSplit.DefaultFraction);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(split.HeldOut, Is.Not.Empty);
            Assert.That(split.Kept.Select(index => hashes[index]).Intersect(split.HeldOut.Select(index => hashes[index])), Is.Empty);
        }
    }

    [Test]
    public void HoldOut_SampleSet_SplitsByItsHashesAndLabels()
    {
        using var folder = new TemporaryFolder();
        foreach (var i in Enumerable.Range(0, 20))
        {
            folder.Write($"{i % 2}/{i:00}.png", FileBytes.Png(1, 1, (byte)i));
        }

        var set = Samples.Open(folder, Samples.Input("x", Onnx.ElementType.Float, null, 1, 1, 1), ".");
        var split = SampleSplit.HoldOut(set, SampleSplit.DefaultFraction, threads: 2);

        Assert.That(split.HeldOut.Select(index => set[index].Label).Order(), Is.EqualTo(new double?[] { 0, 0, 1, 1 }));
    }

    private static SampleSplit Split(int[] samples, Func<int, int?> label) =>
        SampleSplit.HoldOut([.. samples.Select(Hash)], [.. samples.Select(sample => (double?)label(sample))], SampleSplit.DefaultFraction);

    private static string Hash(int sample) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{sample}")));
}
