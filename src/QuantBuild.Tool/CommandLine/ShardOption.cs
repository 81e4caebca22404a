using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration.Records;

namespace QuantBuild.Tool.CommandLine;

/// <summary>
/// Reads <c>3/8</c>, <c>auto</c> and <c>auto/8</c>. The environment is asked for nothing else, so that a variable that happens to be set
/// never makes a part of what should be whole.
/// </summary>
internal static class ShardOption
{
    private const string Expected = "3/8 (the third of eight), auto or auto/8";

    /// <param name="value">What the user wrote; null for all samples.</param>
    /// <param name="variable">The value of an environment variable, or null.</param>
    /// <exception cref="QuantBuildException">The value is not valid, or the environment does not say which shard this is.</exception>
    public static Shard Read(string? value, Func<string, string?> variable)
    {
        if (value is null)
        {
            return Shard.Whole;
        }

        var parts = value.Split('/');
        var isAutomatic = string.Equals(parts[0], "auto", StringComparison.OrdinalIgnoreCase);
        var count = parts.Length == 2 ? Number(parts[1]) : null;
        if (parts.Length > 2 || (parts.Length == 2 && count is null) || (!isAutomatic && parts.Length != 2))
        {
            throw Invalid(value, $"expected {Expected}");
        }

        var shard = isAutomatic ? FromEnvironment(value, count, variable) : Number(parts[0]) is { } index ? new Shard(index, count!.Value) : throw Invalid(value, $"expected {Expected}");
        return shard is { Index: >= 1, Count: >= 1 and <= Shard.MostShards } && shard.Index <= shard.Count
            ? shard
            : throw Invalid(value, $"that is shard {shard}, and shards count from 1/N to N/N, with N up to {Shard.MostShards}");
    }

    private static Shard FromEnvironment(string value, int? count, Func<string, string?> variable)
    {
        int? Variable(string name) => Number(variable(name));

        // Slurm's arrays start anywhere and may leave numbers out
        if (Variable("SLURM_ARRAY_TASK_ID") is { } task)
        {
            var index = ((task - (Variable("SLURM_ARRAY_TASK_MIN") ?? 0)) / Math.Max(Variable("SLURM_ARRAY_TASK_STEP") ?? 1, 1)) + 1;
            return new(index, count ?? Variable("SLURM_ARRAY_TASK_COUNT") ?? throw NoCount(value, "SLURM_ARRAY_TASK_COUNT"));
        }

        // Kubernetes counts from 0, and does not tell a pod of how many it is one
        if (Variable("JOB_COMPLETION_INDEX") is { } completion)
        {
            return new(completion + 1, count ?? throw NoCount(value, null));
        }

        return Variable("CI_NODE_INDEX") is { } node
            ? new(node, count ?? Variable("CI_NODE_TOTAL") ?? throw NoCount(value, "CI_NODE_TOTAL"))
            : throw new QuantBuildException(
                DiagnosticCodes.MissingSetting, $"--shard is '{value}', but none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and CI_NODE_INDEX is set; write which shard this is, such as --shard 3/8.");
    }

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static QuantBuildException NoCount(string value, string? variable) => new(
        DiagnosticCodes.MissingSetting, $"--shard is '{value}', but {(variable is null ? "the environment does not say" : $"{variable} is not set, which says")} how many shards there are; write --shard auto/N.");

    private static QuantBuildException Invalid(string value, string problem) => new(DiagnosticCodes.InvalidSetting, $"--shard is '{value}'; {problem}.");
}
