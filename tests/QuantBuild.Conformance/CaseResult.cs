namespace QuantBuild.Conformance;

/// <summary>What became of one case. <paramref name="Kind"/> is the code of a refusal, or what kind of failure or pass it is, <paramref name="Detail"/> one line.</summary>
internal sealed record CaseResult(string Name, Outcome Outcome, string Kind, string Detail)
{
    /// <summary>The kind of those passed of which something is quantized.</summary>
    public const string Quantized = "quantized";

    private const char Separator = '\t';

    public string ToLine() => string.Join(Separator, Name, Outcome, Kind, Detail.ReplaceLineEndings(" ").Replace(Separator, ' '));

    /// <summary>Null where the line is none that <see cref="ToLine"/> made.</summary>
    public static CaseResult? FromLine(string line) =>
        line.Split(Separator) is [var name, var outcome, var kind, var detail] && Enum.TryParse<Outcome>(outcome, out var known) ? new(name, known, kind, detail) : null;
}

internal enum Outcome
{
    /// <summary>ONNX Runtime does not run the float model: the case says nothing.</summary>
    NotRun,

    /// <summary>ONNX Runtime has run the float model; the rest is still to come.</summary>
    Run,
    Refused,
    Failed,
    Passed,
}
