using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Tool.CommandLine;

namespace QuantBuild.Tool.Tests;

internal sealed class ShardOptionTests
{
    [TestCase(null, "", "1/1")]
    [TestCase("3/8", "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2", "3/8")]
    [TestCase("auto", "SLURM_ARRAY_TASK_ID=12 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_COUNT=4", "3/4")]
    [TestCase("auto", "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=4", "1/4")]
    [TestCase("auto", "SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_STEP=4 SLURM_ARRAY_TASK_COUNT=3", "3/3")]
    [TestCase("AUTO/5", "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=4", "2/5")]
    [TestCase("auto/8", "JOB_COMPLETION_INDEX=0", "1/8")]
    [TestCase("auto", "CI_NODE_INDEX=3 CI_NODE_TOTAL=5", "3/5")]
    public void Read_Valid_IsTheShard(string? value, string environment, string shard) =>
        Assert.That(ShardOption.Read(value, Variables(environment)).ToString(), Is.EqualTo(shard));

    [TestCase("0/8", "shards count from 1/N to N/N")]
    [TestCase("9/8", "shards count from 1/N to N/N")]
    [TestCase("1/0", "shards count from 1/N to N/N")]
    [TestCase("1/70000", "shards count from 1/N to N/N")]
    [TestCase("3", "expected 3/8")]
    [TestCase("3/8/2", "expected 3/8")]
    [TestCase("-1/8", "expected 3/8")]
    [TestCase("a/8", "expected 3/8")]
    [TestCase("auto/x", "expected 3/8")]
    [TestCase("auto/", "expected 3/8")]
    [TestCase("", "expected 3/8")]
    public void Read_NotValid_IsQB1002(string value, string problem) => Assert.That(
        () => ShardOption.Read(value, _ => null),
        Throws.TypeOf<QuantBuildException>().With.Message.StartsWith($"--shard is '{value}'; ").And.Message.Contains(problem)
            .And.Property("Code").EqualTo(DiagnosticCodes.InvalidSetting));

    [TestCase("auto", "", "none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and CI_NODE_INDEX is set")]
    [TestCase("auto", "JOB_COMPLETION_INDEX=1", "write --shard auto/N")]
    [TestCase("auto", "SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_COUNT is not set")]
    [TestCase("auto", "CI_NODE_INDEX=1", "CI_NODE_TOTAL is not set")]
    public void Read_EnvironmentDoesNotSay_IsQB1003(string value, string environment, string problem) => Assert.That(
        () => ShardOption.Read(value, Variables(environment)),
        Throws.TypeOf<QuantBuildException>().With.Message.Contains(problem).And.Property("Code").EqualTo(DiagnosticCodes.MissingSetting));

    private static Func<string, string?> Variables(string environment)
    {
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return name => variables.GetValueOrDefault(name);
    }
}
