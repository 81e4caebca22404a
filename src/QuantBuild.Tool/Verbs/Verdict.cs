using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Verbs;

/// <summary>A report's diagnostics on standard error, and the exit code that its gates ask for.</summary>
internal static class Verdict
{
    public static int Announce(QuantizationReport report, ToolConsole console)
    {
        foreach (var diagnostic in report.Diagnostics)
        {
            console.Write(diagnostic);
        }

        var digest = new ReportDigest(report);
        if (digest.Passed)
        {
            return ExitCodes.Success;
        }

        // A failure is never silent, whatever the engine said about it
        if (report.Diagnostics.All(diagnostic => diagnostic.Code.Severity != DiagnosticSeverity.Error))
        {
            console.Write(new Diagnostic(DiagnosticCodes.AccuracyGateFailed, $"{report.Model}: {digest.Verdict}."));
        }

        return ExitCodes.GateFailed;
    }
}
