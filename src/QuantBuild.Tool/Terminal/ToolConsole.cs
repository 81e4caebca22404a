using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.Terminal;

/// <summary>
/// Where the tool writes: results to <paramref name="Output"/>, messages and progress to <paramref name="Error"/>.
/// <paramref name="ProgressColumns"/> is the width of the terminal that shows progress, 0 where there is none.
/// </summary>
internal sealed record ToolConsole(TextWriter Output, TextWriter Error, int ProgressColumns = 0)
{
    public bool ShowsStackTraces { get; init; }

    public void Write(Diagnostic diagnostic)
    {
        var severity = diagnostic.Code.Severity == DiagnosticSeverity.Error ? "error" : "warning";
        Error.WriteLine($"{severity} {diagnostic.Code}: {OneLine(diagnostic.Message)} ({diagnostic.Code.HelpLink})");
    }

    private static string OneLine(string message) =>
        string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
