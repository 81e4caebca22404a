using System.Text;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>The report as GitHub-flavoured Markdown: a comment on a pull request, or the summary of a CI job.</summary>
public static class ReportMarkdown
{
    private const int WorstCount = 5;

    public static string Write(QuantizationReport report)
    {
        var digest = new ReportDigest(report);
        var text = new StringBuilder();
        Line(text, $"## QuantBuild: {Code(report.Model)}");
        Line(text, $"**{Escape(digest.Verdict)}**");
        Table(text, ["", "float", digest.ResultName, "change"], [.. Comparison(digest)]);
        if (report.Accuracy is { ByMachine.IsEmpty: false } accuracy)
        {
            Line(text, $"By machine: {Escape(ReportText.Machines(accuracy))}.");
        }

        if (report.Pruning is { } pruning)
        {
            Line(text, $"Pruned: {Escape(ReportText.Pruning(pruning))}.");
        }

        Gates(text, report);
        Diagnostics(text, report);
        Audit(text, digest);
        Operators(text, digest);
        Environment(text, report);
        return text.ToString();
    }

    private static IEnumerable<string[]> Comparison(ReportDigest digest)
    {
        var report = digest.Report;
        if (report.Accuracy is { } accuracy)
        {
            yield return
            [
                $"{Escape(accuracy.Metric)} ({ReportText.Samples(accuracy)})", ReportText.Score(accuracy.Float),
                ReportText.Score(accuracy.Quantized), $"drop {ReportText.Score(accuracy.Drop)}",
            ];
        }

        yield return
        [
            "size", ReportText.Bytes(report.Size.FloatBytes), ReportText.Bytes(report.Size.QuantizedBytes),
            $"{ReportText.Percent(digest.SizeRatio)} of float",
        ];
        if (report.Latency is { } latency)
        {
            foreach (var row in Latency(latency))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<string[]> Latency(LatencyReport latency)
    {
        yield return
        [
            "latency of one sample", ReportText.Milliseconds(latency.FloatMs), ReportText.Milliseconds(latency.QuantizedMs),
            ReportText.Speedup(latency),
        ];
        if (ReportText.PreparedSpeedup(latency) is { } prepared)
        {
            yield return ["the same, float prepared", ReportText.Milliseconds(latency.PreparedFloatMs), ReportText.Milliseconds(latency.QuantizedMs), prepared];
        }

        foreach (var row in ReportText.ManyThreads(latency))
        {
            var threads = $"on {row.Threads} threads";
            yield return [threads, ReportText.Milliseconds(row.FloatMs), ReportText.Milliseconds(row.QuantizedMs), ReportText.Speedup(row.Speedup, row.Interval)];
            yield return
            [
                $"{threads}, float prepared", ReportText.Milliseconds(row.PreparedFloatMs), ReportText.Milliseconds(row.QuantizedMs),
                ReportText.Speedup(row.PreparedSpeedup, row.PreparedInterval),
            ];
        }
    }

    private static void Gates(StringBuilder text, QuantizationReport report)
    {
        if (!report.Gates.IsEmpty)
        {
            Table(text, ["gate", "limit", "value", ""], [.. report.Gates.Select(gate => new[]
            {
                Escape(gate.Name), ReportText.Limit(gate.Limit), ReportText.Score(gate.Value), gate.Passed ? "passed" : "**failed**",
            })]);
        }
    }

    private static void Diagnostics(StringBuilder text, QuantizationReport report)
    {
        foreach (var diagnostic in report.Diagnostics)
        {
            var severity = diagnostic.Code.Severity == DiagnosticSeverity.Error ? "error" : "warning";
            Line(text, $"- {severity} [{diagnostic.Code}]({diagnostic.Code.HelpLink}): {Escape(diagnostic.Message)}", paragraph: false);
        }

        if (!report.Diagnostics.IsEmpty)
        {
            text.Append('\n');
        }
    }

    private static void Audit(StringBuilder text, ReportDigest digest)
    {
        if (digest.Kernels is not { } kernels)
        {
            return;
        }

        Line(text, $"ONNX Runtime runs {Escape(kernels)}.");
        var (shown, more) = digest.LeftOver(WorstCount);
        if (!shown.IsEmpty)
        {
            Table(text, ["left over at", "what"], [
                .. shown.Select(row => new[] { Code(row.Operator), Escape(row.Reason) }),
                .. more > 0 ? [["", $"and {more} more"]] : Array.Empty<string[]>(),
            ]);
        }
    }

    private static void Operators(StringBuilder text, ReportDigest digest)
    {
        if (digest.Report.Operators.IsEmpty)
        {
            return;
        }

        Line(text, $"Operators: {digest.Quantized}.");
        if (!digest.StayedFloat.IsEmpty)
        {
            Table(text, ["stayed float", "because"], [.. digest.StayedFloat.Select(group => new[] { Escape(group.Types), Escape(group.Reason) })]);
        }

        var worst = digest.Worst(WorstCount);
        if (!worst.IsEmpty)
        {
            Table(text, ["lowest SQNR", "type", "dB"], [.. worst.Select(row => new[]
            {
                Code(row.Name), Escape(row.Type), ReportText.Decibels(row.SqnrDb!.Value),
            })]);
        }
    }

    private static void Environment(StringBuilder text, QuantizationReport report)
    {
        var environment = report.Environment;
        var cpu = environment.Cpu.Length > 0 ? $"{Escape(environment.Cpu)} ({string.Join(", ", environment.InstructionSets)}), " : "";
        Line(text, $"<sub>{cpu}ONNX Runtime {Escape(environment.OnnxRuntime)}</sub>");
    }

    private static void Table(StringBuilder text, string[] head, string[][] rows)
    {
        Line(text, Row(head), paragraph: false);
        Line(text, Row([.. head.Select(_ => "---")]), paragraph: false);
        foreach (var row in rows)
        {
            Line(text, Row(row), paragraph: false);
        }

        text.Append('\n');
    }

    private static string Row(string[] cells) => $"| {string.Join(" | ", cells)} |";

    private static void Line(StringBuilder text, string line, bool paragraph = true) =>
        text.Append(line).Append(paragraph ? "\n\n" : "\n");

    private static string Code(string text) => $"`{OneLine(text).Replace('`', '\'').Replace("|", "\\|", StringComparison.Ordinal)}`";

    /// <summary>Text from a model or a path must not become markup.</summary>
    private static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (var letter in OneLine(text))
        {
            escaped.Append("\\`*_{}[]<>#|~&".Contains(letter, StringComparison.Ordinal) ? $"\\{letter}" : letter);
        }

        return escaped.ToString();
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
