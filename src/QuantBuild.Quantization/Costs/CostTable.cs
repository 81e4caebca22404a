using System.Collections.Frozen;
using System.Text.Json;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Costs;

/// <summary>What kinds of kernels take on the machines of a target. The tables are files beside this one; tests/QuantBuild.Benchmarks writes them.</summary>
internal sealed class CostTable
{
    private readonly FrozenDictionary<string, Dictionary<string, double[]>> _kernels;

    private CostTable(Dictionary<string, Dictionary<string, double[]>> kernels) => _kernels = kernels.ToFrozenDictionary();

    /// <summary>Null for targets that nobody measured: there what is known of operators in general decides.</summary>
    public static CostTable? Of(TargetName target) => target switch
    {
        TargetName.X64 => X64.Value,
        TargetName.Vnni => Vnni.Value,
        _ => null,
    };

    private static Lazy<CostTable> X64 { get; } = new(() => Read("x64.json"));

    private static Lazy<CostTable> Vnni { get; } = new(() => Read("vnni.json"));

    /// <summary>Nanoseconds of one run of a kernel on one thread; null where the kind has no kernel of this sort.</summary>
    public double? Of(KernelWork work, string sort) =>
        _kernels.TryGetValue(work.Kind, out var sorts) && sorts.TryGetValue(sort, out var numbers)
            ? numbers[0] + (numbers[1] * work.Units) + (numbers[2] * work.Outputs)
            : null;

    private static CostTable Read(string file)
    {
        using var stream = typeof(CostTable).Assembly.GetManifestResourceStream($"{typeof(CostTable).Namespace}.{file}")!;
        using var document = JsonDocument.Parse(stream);
        return new(document.RootElement.GetProperty("kernels").Deserialize<Dictionary<string, Dictionary<string, double[]>>>()!);
    }
}
