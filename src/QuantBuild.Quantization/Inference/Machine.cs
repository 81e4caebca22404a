using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Inference;

/// <summary>The machine that measured: INT8 differs in speed between processors.</summary>
internal static class Machine
{
    private static readonly string[] Telling = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8"];

    public static EnvironmentReport Describe(int threads)
    {
        var info = File.Exists("/proc/cpuinfo") ? File.ReadAllLines("/proc/cpuinfo") : [];
        var flags = Entry(info, "flags").Split(' ');
        ImmutableArray<string> sets = flags.Length > 1
            ? [.. Telling.Where(flags.Contains)]
            : [.. new[] { ("avx2", Avx2.IsSupported), ("avx512f", Avx512F.IsSupported) }.Where(set => set.Item2).Select(set => set.Item1)];
        var cpu = Entry(info, "model name");
        return new(cpu.Length > 0 ? cpu : RuntimeInformation.ProcessArchitecture.ToString(), sets, InferenceModel.RuntimeVersion, threads);
    }

    private static string Entry(string[] lines, string key) =>
        lines.FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim() ?? "";
}
