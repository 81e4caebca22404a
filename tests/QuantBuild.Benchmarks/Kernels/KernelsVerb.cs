using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace QuantBuild.Benchmarks.Kernels;

/// <summary><c>kernels</c>: times the engine's own kernels.</summary>
internal static class KernelsVerb
{
    public static Command Create()
    {
        var command = new Command("kernels", "Times the engine's own kernels with BenchmarkDotNet.");
        command.SetAction(_ => Run());
        return command;
    }

    /// <summary>In this process: the projects that BenchmarkDotNet would generate are none of the solution's.</summary>
    private static int Run()
    {
        var config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        var summary = BenchmarkRunner.Run<KernelBenchmarks>(config);
        return summary.Reports.All(report => report.Success) ? 0 : 1;
    }
}
