namespace QuantBuild.Onnx.Diagnostics;

/// <summary>
/// Something that the user can mend. Its message is shown as it stands, without a stack trace; every other exception is a
/// bug of ours and is reported as one.
/// </summary>
public sealed class QuantBuildException(DiagnosticCode code, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public DiagnosticCode Code { get; } = code;

    public Diagnostic Diagnostic => new(Code, Message);
}
