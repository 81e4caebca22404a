namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>One of <paramref name="Count"/> parts of the samples; <paramref name="Index"/> counts from 1.</summary>
public readonly record struct Shard(int Index, int Count)
{
    /// <summary>More machines than this calibrate nothing together.</summary>
    public const int MostShards = 65_536;

    public static Shard Whole { get; } = new(1, 1);

    /// <summary>Samples go round by the rank of their content hash: every shard gets its share of each class and size.</summary>
    public bool Contains(int rank) => rank % Count == Index - 1;

    public override string ToString() => $"{Index}/{Count}";
}
