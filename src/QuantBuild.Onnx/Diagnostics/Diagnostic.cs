namespace QuantBuild.Onnx.Diagnostics;

/// <summary>One coded message for the user: a single line that names the file, what was expected and the way out.</summary>
public sealed record Diagnostic(DiagnosticCode Code, string Message);
