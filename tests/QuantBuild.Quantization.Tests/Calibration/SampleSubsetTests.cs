using System.Collections.Immutable;
using System.Globalization;
using CsCheck;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration.Records;

namespace QuantBuild.Quantization.Tests.Calibration;

internal sealed class SampleSubsetTests
{
    [Test]
    public void Of_MoreThanTheBounds_EndsAtTheFirstThatBreaksThem()
    {
        var samples = new[] { Stored(1, 10), Stored(2, 20), Stored(3, 15), Stored(4, 1) };

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Describe(SampleSubset.Of(samples, new(3, 100))), Is.EqualTo("1 2 3 | 4"));
            Assert.That(Describe(SampleSubset.Of(samples, new(9, 40))), Is.EqualTo("1 2 | 3"));
            Assert.That(Describe(SampleSubset.Of(samples, new(9, 5))), Is.EqualTo("1 | 2"));
            Assert.That(Describe(SampleSubset.Of(samples, new(9, 46))), Is.EqualTo("1 2 3 4 | "));
        }
    }

    /// <summary>The first part stopped before 5, so that the 7 of the second, for which there is room, may not be taken.</summary>
    [Test]
    public void Merge_PartThatStoppedEarly_LimitsTheOther()
    {
        var bounds = new SubsetBounds(9, 40);
        var first = SampleSubset.Of([Stored(1, 20), Stored(5, 30)], bounds);
        var second = SampleSubset.Of([Stored(7, 1)], bounds);

        Assert.That(Describe(first.MergedWith(second, bounds)), Is.EqualTo("1 | 5"));
    }

    [Test]
    public void Merge_AnyDivisionAndOrder_IsTheSubsetOfTheWhole() =>
        Gen.Select(Gen.Select(Gen.Int[0, 60], Gen.Int[0, 12]).Array[1, 40], Gen.Select(Gen.Int[1, 12], Gen.Int[1, 60]), Gen.Int[0, 1 << 20]).Sample((samples, limits, seed) =>
        {
            var random = new Random(seed);
            var bounds = new SubsetBounds(limits.Item1, limits.Item2);

            // The same content has the same size, wherever it lies
            var all = samples.Select(sample => Stored(sample.Item1, sample.Item1 * 7 % 13)).ToArray();
            var parts = all.GroupBy(_ => random.Next(4)).Select(part => SampleSubset.Of(Ordered(part), bounds)).ToArray();
            random.Shuffle(parts);

            var merged = parts.Aggregate((left, right) => random.Next(2) == 0 ? left.MergedWith(right, bounds) : right.MergedWith(left, bounds));

            return Describe(merged) == Describe(SampleSubset.Of(Ordered(all), bounds));
        });

    private static IOrderedEnumerable<StoredSample> Ordered(IEnumerable<StoredSample> samples) => samples.OrderBy(sample => sample.Hash, StringComparer.Ordinal);

    private static StoredSample Stored(int hash, int bytes) => new(
        hash.ToString("x64", CultureInfo.InvariantCulture),
        new Sample("x", ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<byte>([bytes], new byte[bytes])), null));

    private static string Describe(SampleSubset subset) =>
        $"{string.Join(' ', subset.Samples.Select(sample => Convert.ToInt32(sample.Hash, 16)))} | {(subset.Cutoff is { } cutoff ? Convert.ToInt32(cutoff, 16) : "")}";
}
