using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data;

/// <summary>The errors of data files; each message starts with the file as the user named it.</summary>
internal static class SampleError
{
    public static QuantBuildException Unreadable(string file, string reason, Exception? cause = null) =>
        new(DiagnosticCodes.UnreadableSample, OneLine($"{file}: {reason}."), cause);

    public static QuantBuildException Type(string file, string message) => new(DiagnosticCodes.SampleType, OneLine($"{file}: {message}"));

    public static QuantBuildException Shape(string file, string message) => new(DiagnosticCodes.SampleShape, OneLine($"{file}: {message}"));

    public static QuantBuildException Input(string file, string message) => new(DiagnosticCodes.SampleInput, OneLine($"{file}: {message}"));

    public static QuantBuildException Label(string file, string message) => new(DiagnosticCodes.InvalidLabel, OneLine($"{file}: {message}"));

    public static QuantBuildException Manifest(string file, int line, string message) =>
        new(DiagnosticCodes.InvalidManifest, OneLine($"{file}({line}): {message}"));

    /// <summary>Texts out of damaged files may hold line breaks; a diagnostic is one line.</summary>
    public static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
