using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace QuantBuild.Tasks;

/// <summary>Diagnostics in MSBuild's form. A logger may not show help links, so the message ends with it.</summary>
internal sealed class ModelLog(TaskLoggingHelper log)
{
    public void Error(string code, string text, ItemPosition position) => log.LogError(
        null, code, null, DiagnosticPage.Of(code), position.File, position.Line, position.Column, 0, 0, "{0} {1}", text, DiagnosticPage.Of(code));

    /// <summary>An error where the project asks for that (WarningsAsErrors); nothing where it does not want to see it (NoWarn).</summary>
    public void Warning(string code, string text, ItemPosition position) => log.LogWarning(
        null, code, null, DiagnosticPage.Of(code), position.File, position.Line, position.Column, 0, 0, "{0} {1}", text, DiagnosticPage.Of(code));

    public void Message(MessageImportance importance, string text) => log.LogMessage(importance, "{0}", text);
}
