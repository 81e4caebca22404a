using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Calibration.Records;

/// <summary>Puts the parts of one calibration together, and says in which way parts do not belong together.</summary>
internal static class ShardMerge
{
    private const int NamedShards = 8;

    /// <exception cref="QuantBuildException">A part is there twice, is of another calibration, or is missing.</exception>
    public static CalibrationRecord Merge(IReadOnlyList<(string Path, CalibrationRecord Record)> parts)
    {
        var owners = new Dictionary<int, string>();
        foreach (var (path, record) in parts)
        {
            RequireSame(parts[0].Path, parts[0].Record, path, record);
            foreach (var shard in record.Shards)
            {
                if (!owners.TryAdd(shard, path))
                {
                    throw Wrong($"{path}: shard {shard}/{record.ShardCount} is in {owners[shard]} too; merge every shard once");
                }
            }
        }

        var merged = parts.Select(part => part.Record).Aggregate((left, right) => left.MergedWith(right));
        RequireWhole($"{parts.Count} files", merged);
        return merged;
    }

    public static void RequireWhole(string subject, CalibrationRecord record)
    {
        var missing = record.MissingShards.ToArray();
        if (missing.Length > 0)
        {
            var named = string.Join(", ", missing.Take(NamedShards).Select(shard => $"{shard}/{record.ShardCount}"));
            throw Wrong($"{subject}: {(missing.Length == 1 ? "shard" : $"{missing.Length} shards,")} {named}{(missing.Length > NamedShards ? ", …" : "")} {(missing.Length == 1 ? "is" : "are")} missing; calibrate {(missing.Length == 1 ? "it" : "them")}, and merge all {record.ShardCount} with 'quantbuild merge'");
        }
    }

    private static void RequireSame(string firstPath, CalibrationRecord first, string path, CalibrationRecord record)
    {
        var difference = record.Model != first.Model ? "is of another model (or was made by another version of QuantBuild)"
            : record.Data != first.Data ? "is of other data, or of other settings for images"
            : record.ShardCount != first.ShardCount ? $"is one of {record.ShardCount} shards, not of {first.ShardCount}"
            : null;
        if (difference is not null)
        {
            throw Wrong($"{path}: the calibration {difference}, unlike {firstPath}; merge the shards of one calibration");
        }
    }

    private static QuantBuildException Wrong(string problem) => new(DiagnosticCodes.ShardsDoNotFit, $"{problem}.");
}
