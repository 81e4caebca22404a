using System.Runtime.InteropServices;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Auditing;

/// <summary>What an audit found, a line each and not too many.</summary>
internal static class AuditWarnings
{
    private const int MostLines = 5;

    public static IEnumerable<Diagnostic> Of(string path, AuditReport audit) =>
    [
        .. Lines(path, DiagnosticCodes.NotFused, [.. audit.LeftOver.Where(row => row.Kind != LeftOverKind.Weights)]),
        .. Lines(path, DiagnosticCodes.WeightsDequantized, [.. audit.LeftOver.Where(row => row.Kind == LeftOverKind.Weights)]),
    ];

    /// <summary>What this machine's ONNX Runtime fuses says nothing about other processors or other runtimes.</summary>
    public static bool Concern(TargetName target) => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => target is TargetName.X64 or TargetName.Vnni,
        Architecture.Arm64 => target == TargetName.Arm64,
        _ => false,
    };

    private static IEnumerable<Diagnostic> Lines(string path, DiagnosticCode code, LeftOverReport[] rows)
    {
        var shown = rows.Length > MostLines ? MostLines - 1 : rows.Length;
        foreach (var row in rows.Take(shown))
        {
            yield return new(code, $"{path}: {row.Operator}: {row.Reason}.");
        }

        if (rows.Length > shown)
        {
            yield return new(code, $"{path}: and {rows.Length - shown} more; the report lists them all.");
        }
    }
}
