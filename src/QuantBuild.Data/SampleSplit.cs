using System.Collections.Immutable;

namespace QuantBuild.Data;

/// <summary>
/// Samples in two parts, by content hash within each class: the same for any order of the files. Equal samples stay together,
/// so that nothing in one part was seen in the other.
/// </summary>
public sealed record SampleSplit(ImmutableArray<int> Kept, ImmutableArray<int> HeldOut)
{
    public const double DefaultFraction = 0.2;

    /// <summary>Below this nothing is held out: too little would be left to calibrate with, and to judge by.</summary>
    public const int FewestSamples = 10;

    public static SampleSplit HoldOut(SampleSet samples, double fraction, int threads) =>
        HoldOut(samples.ContentHashes(threads), [.. Enumerable.Range(0, samples.Count).Select(index => samples[index].Label)], fraction);

    /// <summary>By the content hash and the label of each sample; without a label is a class of its own.</summary>
    public static SampleSplit HoldOut(ImmutableArray<string> hashes, ImmutableArray<double?> labels, double fraction)
    {
        if (hashes.Length < FewestSamples)
        {
            return new SampleSplit([.. Enumerable.Range(0, hashes.Length)], []);
        }

        var classes = Enumerable.Range(0, hashes.Length).GroupBy(index => labels[index])
            .Select(members => members.Select(index => hashes[index]).Distinct().Order(StringComparer.Ordinal).ToArray()).ToArray();
        var heldOut = classes.Zip(Quotas(classes, fraction)).SelectMany(pair => pair.First.Take(pair.Second)).ToHashSet(StringComparer.Ordinal);
        var parts = Enumerable.Range(0, hashes.Length).ToLookup(index => heldOut.Contains(hashes[index]));
        return new SampleSplit([.. parts[false]], [.. parts[true]]);
    }

    /// <summary>
    /// How many each class gives: its share rounded down, and what is then missing to the share of the whole from the classes
    /// that lost most by rounding; the smaller next hash decides between equals. Many small classes so give their part too.
    /// </summary>
    private static int[] Quotas(string[][] classes, double fraction)
    {
        var quotas = Array.ConvertAll(classes, members => (int)(members.Length * fraction));
        var missing = (int)(classes.Sum(members => members.Length) * fraction) - quotas.Sum();
        var byLoss = Enumerable.Range(0, classes.Length)
            .Where(index => quotas[index] < classes[index].Length)
            .OrderByDescending(index => Math.Round((classes[index].Length * fraction) - quotas[index], 9))
            .ThenBy(index => classes[index][quotas[index]], StringComparer.Ordinal);
        foreach (var index in byLoss.Take(missing))
        {
            quotas[index]++;
        }

        return quotas;
    }
}
