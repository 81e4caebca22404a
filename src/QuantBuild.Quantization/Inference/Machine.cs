using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Inference;

/// <summary>The machine that measured: INT8 differs in speed between processors.</summary>
internal static class Machine
{
    private static readonly string[] Telling = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8"];

    /// <summary>
    /// The threads that ONNX Runtime takes where an application sets nothing: one a core. Where the system does not say which processors share a core,
    /// each counts as one.
    /// </summary>
    public static int PhysicalCores { get; } = Math.Min(CoresOf(Processors()), Environment.ProcessorCount);

    public static EnvironmentReport Describe(int threads)
    {
        var info = Processors();
        var flags = Entry(info, "flags").Split(' ');
        ImmutableArray<string> sets = flags.Length > 1
            ? [.. Telling.Where(flags.Contains)]
            : [.. new[] { ("avx2", Avx2.IsSupported), ("avx512f", Avx512F.IsSupported) }.Where(set => set.Item2).Select(set => set.Item1)];
        var cpu = Entry(info, "model name");
        return new(cpu.Length > 0 ? cpu : RuntimeInformation.ProcessArchitecture.ToString(), sets, InferenceModel.RuntimeVersion, threads);
    }

    /// <summary>The distinct pairs of processor and core in /proc/cpuinfo.</summary>
    internal static int CoresOf(string[] info)
    {
        var cores = Values(info, "physical id").Zip(Values(info, "core id")).Distinct().Count();
        return cores > 0 ? cores : Environment.ProcessorCount;
    }

    private static string[] Processors() => File.Exists("/proc/cpuinfo") ? File.ReadAllLines("/proc/cpuinfo") : [];

    private static IEnumerable<string> Values(string[] lines, string key) =>
        lines.Where(line => line.StartsWith(key, StringComparison.Ordinal)).Select(line => line.Split(':', 2)[^1].Trim());

    private static string Entry(string[] lines, string key) =>
        lines.FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim() ?? "";
}
