using System.Globalization;

namespace QuantBuild.Conformance;

/// <summary>Counts results, and says whether they are good enough.</summary>
internal sealed class Summary(IReadOnlyCollection<CaseResult> results)
{
    private const double LargestRefusedShare = 0.02;

    private int Ran => results.Count(result => result.Outcome != Outcome.NotRun);

    public bool IsGood => Ran > 0 && Count(Outcome.Failed) == 0 && Count(Outcome.Refused) <= LargestRefusedShare * Ran;

    public string Text => string.Create(CultureInfo.InvariantCulture, $"""
        {results.Count} cases, of which ONNX Runtime runs {Ran} in float
        {Count(Outcome.Passed)} passed, {results.Count(result => result.Kind == CaseResult.Quantized)} of them with operators that are quantized
        {Count(Outcome.Refused)} refused with a code ({100.0 * Count(Outcome.Refused) / Math.Max(1, Ran):f2} %){Kinds(Outcome.Refused)}
        {Count(Outcome.Failed)} failed{Kinds(Outcome.Failed)}
        """);

    private int Count(Outcome outcome) => results.Count(result => result.Outcome == outcome);

    private string Kinds(Outcome outcome) => string.Concat(results.Where(result => result.Outcome == outcome)
        .GroupBy(result => result.Kind).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => string.Create(CultureInfo.InvariantCulture, $"; {group.Key}: {group.Count()}")));
}
