using System.Text.RegularExpressions;

namespace QuantBuild.Package.Tests;

internal sealed partial record BuildResult(int ExitCode, string Output)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>Models that the worker looked at and for which it had to quantize.</summary>
    public int Quantized => ResultLine().Count(Output) - Reused;

    public int Reused => Regex.Count(Output, "content unchanged, reused");

    /// <summary>Error and warning lines with that code, each once although MSBuild repeats them in its summary.</summary>
    public IReadOnlyList<string> Lines(string code) =>
        [.. Output.Split('\n').Select(line => line.Trim()).Where(line => Regex.IsMatch(line, $@"(error|warning) {code}:")).Distinct()];

    /// <summary>The only line with that code; else what there is instead, for the failure's message.</summary>
    public string Line(string code) => Lines(code) is [var only] ? only : $"{Lines(code).Count} lines with {code} in:\n{Output}";

    [GeneratedRegex(@"^\s*\S+\.onnx: [\d,]+ to [\d,]+ bytes", RegexOptions.Multiline)]
    private static partial Regex ResultLine();
}
