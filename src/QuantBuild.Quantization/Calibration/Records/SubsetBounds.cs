namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>How many samples a calibration stores, and how many bytes of them; the first is always stored.</summary>
internal sealed record SubsetBounds(int Count, long Bytes)
{
    public const int MostOfSearch = 64;

    /// <summary>Half to correct weights with, since layers have thousands of positions in each, half to compare the outputs of candidates on.</summary>
    public static SubsetBounds Search { get; } = new(MostOfSearch, 128L << 20);

    /// <summary>For judging where there are no evaluation data.</summary>
    public static SubsetBounds Judging { get; } = new(512, 64L << 20);

    /// <summary>The longest beginning of <paramref name="ordered"/> that keeps the bounds, and the one that breaks them, if any.</summary>
    public (List<T> Taken, T? Next) Take<T>(IEnumerable<T> ordered, Func<T, long> bytesOf)
        where T : class
    {
        var (taken, total) = (new List<T>(), 0L);
        foreach (var item in ordered)
        {
            if (taken.Count == Count)
            {
                return (taken, item);
            }

            total += bytesOf(item);
            if (total > Bytes && taken.Count > 0)
            {
                return (taken, item);
            }

            taken.Add(item);
        }

        return (taken, null);
    }
}
