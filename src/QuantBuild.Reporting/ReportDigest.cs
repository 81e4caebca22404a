using System.Collections.Immutable;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>Operators that stayed float for one reason, but for its numbers; <paramref name="Types"/> reads <c>2 Softmax, 1 Concat</c>.</summary>
public sealed record FloatGroup(string Reason, string Types, ImmutableArray<string> Names);

/// <summary>What a reader wants to know first, drawn from a report.</summary>
public sealed record ReportDigest(QuantizationReport Report)
{
    public bool Passed => Report.Gates.All(gate => gate.Passed);

    /// <summary>One line: what the gates said, or that none was set.</summary>
    public string Verdict => Report.Gates switch
    {
        [] => "No limit was set",
        var gates when Passed => $"Passed: {string.Join("; ", gates.Select(Sentence))}",
        var gates => $"Failed: {string.Join("; ", gates.Where(gate => !gate.Passed).Select(Sentence))}",
    };

    /// <summary>What the model that is written is called: INT8, but not where channels or weights were taken out of it and no operator was quantized.</summary>
    public string ResultName => Report.Pruning is not null && Report.Operators.All(row => row.Decision == OperatorDecision.Float) ? "pruned" : "INT8";

    /// <summary>Whatever did not stay float, counted by form: <c>17 of 24 in INT8, 2 in INT8 with ranges found at run time</c>.</summary>
    public string Quantized
    {
        get
        {
            var total = Report.Operators.Length;
            string[] forms = [.. Report.Operators.Where(row => row.Decision != OperatorDecision.Float).GroupBy(row => row.Decision).OrderBy(group => group.Key)
                .Select((group, index) => $"{group.Count()}{(index == 0 ? $" of {total}" : "")} {WordsFor(group.Key)}")];
            return forms.Length == 0 ? $"none of {total} quantized" : string.Join(", ", forms);
        }
    }

    /// <summary>What stayed float and why, the largest group first.</summary>
    public ImmutableArray<FloatGroup> StayedFloat =>
    [
        .. Report.Operators
            .Where(row => row.Decision == OperatorDecision.Float)
            .GroupBy(row => Reasons.WithoutNumbers(row.Reason))
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new FloatGroup(Reasons.Join([.. group.Select(row => row.Reason)]), CountByType(group), [.. group.Select(row => row.Name)])),
    ];

    /// <summary>The operators with the lowest signal-to-quantization-noise ratio, the worst first.</summary>
    public ImmutableArray<OperatorReport> Worst(int count) =>
        [.. Report.Operators.Where(row => row.SqnrDb is { } ratio && double.IsFinite(ratio)).OrderBy(row => row.SqnrDb).Take(count)];

    /// <summary>What ONNX Runtime runs on integers, the most frequent first: <c>18 QLinearConv, 1 QGemm; 2 Q and 1 DQ at the borders</c>. Null without an audit.</summary>
    public string? Kernels => Report.Audit is not { } audit ? null
        : audit.Kernels.IsEmpty ? "none on integers"
        : $"{string.Join(", ", audit.Kernels.OrderByDescending(row => row.Value).ThenBy(row => row.Key, StringComparer.Ordinal).Select(row => $"{row.Value} {row.Key}"))}; "
            + $"{audit.Quantize} Q and {audit.Dequantize} DQ {(audit.LeftOver.IsEmpty ? "at the borders" : "still run")}";

    /// <summary>The first left-overs of the audit, and how many more there are.</summary>
    public (ImmutableArray<LeftOverReport> Shown, int More) LeftOver(int count) => Report.Audit is { } audit
        ? ([.. audit.LeftOver.Take(count)], Math.Max(audit.LeftOver.Length - count, 0))
        : ([], 0);

    /// <summary>The quantized file's bytes as a share of the float one's.</summary>
    public double SizeRatio => Report.Size.FloatBytes == 0 ? 1 : (double)Report.Size.QuantizedBytes / Report.Size.FloatBytes;

    public static string Sentence(GateReport gate) =>
        $"{gate.Name} is {ReportText.Score(gate.Value)}, limit {ReportText.Limit(gate.Limit)}";

    private static string WordsFor(OperatorDecision decision) => decision switch
    {
        OperatorDecision.Int8 => "in INT8",
        OperatorDecision.Int16 => "in 16 bits",
        OperatorDecision.Dynamic => "in INT8 with ranges found at run time",
        OperatorDecision.WeightOnly => "with quantized weights",
        _ => "in float",
    };

    private static string CountByType(IEnumerable<OperatorReport> operators) => string.Join(", ", operators
        .GroupBy(row => row.Type)
        .OrderByDescending(group => group.Count())
        .ThenBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => $"{group.Count()} {group.Key}"));
}
