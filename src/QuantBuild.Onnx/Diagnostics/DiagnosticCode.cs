namespace QuantBuild.Onnx.Diagnostics;

public enum DiagnosticSeverity
{
    Warning,
    Error,
}

/// <summary>A row of <see cref="DiagnosticCodes"/>. <paramref name="Title"/> heads the code's page under docs/errors.</summary>
public sealed record DiagnosticCode(string Id, DiagnosticSeverity Severity, string Title)
{
    public string HelpLink => $"https://github.com/quantbuild/quantbuild/blob/main/docs/errors/{Id}.md";

    public override string ToString() => Id;
}
