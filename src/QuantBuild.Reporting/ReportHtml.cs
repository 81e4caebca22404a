using System.Globalization;
using System.Net;
using System.Reflection;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Reporting;

/// <summary>The report as one HTML file that needs nothing beside it: no scripts, fonts or styles from elsewhere.</summary>
public static class ReportHtml
{
    /// <summary>The ratio, in decibels, at which a bar is full.</summary>
    private const double FullBarDb = 50;

    private const int LeftOverCount = 20;

    private static readonly string Style = ReadStyle();

    public static string Write(QuantizationReport report)
    {
        var digest = new ReportDigest(report);
        var verdict = report.Gates.IsEmpty ? "" : digest.Passed ? " passed" : " failed";
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>QuantBuild: {Text(report.Model)}</title>
            <style>
            {Style}</style>
            </head>
            <body>
            <main>
            <h1>{Text(report.Model)}</h1>
            <p class="verdict{verdict}">{Text(digest.Verdict)}</p>
            <div class="cards">
            {string.Concat(Cards(digest))}</div>
            {Diagnostics(report)}{Gates(report)}{Latency(digest)}{Audit(digest)}{StayedFloat(digest)}{Operators(digest)}{Details(report)}</main>
            </body>
            </html>

            """.ReplaceLineEndings("\n");
    }

    private static IEnumerable<string> Cards(ReportDigest digest)
    {
        var report = digest.Report;
        if (report.Accuracy is { } accuracy)
        {
            yield return Card(
                accuracy.Metric, ReportText.Score(accuracy.Float), ReportText.Score(accuracy.Quantized),
                $"drop {ReportText.Score(accuracy.Drop)} on {ReportText.Samples(accuracy)}{(accuracy.ByMachine.IsEmpty ? "" : $"; {ReportText.Machines(accuracy)}")}");
        }

        if (report.Pruning is { } pruning)
        {
            yield return Card("pruned", string.Create(CultureInfo.InvariantCulture, $"{pruning.ParametersBefore:n0}"), string.Create(CultureInfo.InvariantCulture, $"{pruning.Parameters:n0} parameters"), ReportText.Pruning(pruning));
        }

        yield return Card(
            "size", ReportText.Bytes(report.Size.FloatBytes), ReportText.Bytes(report.Size.QuantizedBytes),
            $"{ReportText.Percent(digest.SizeRatio)} of float");
        if (report.Latency is { } latency)
        {
            yield return Card(
                "latency of one sample", ReportText.Milliseconds(latency.FloatMs), ReportText.Milliseconds(latency.QuantizedMs),
                $"{ReportText.Speedup(latency)}; float prepared {ReportText.Milliseconds(latency.PreparedFloatMs)}");
        }
    }

    private static string Card(string label, string from, string to, string note) => $"""
        <div class="card"><div class="label">{Text(label)}</div>
        <div class="figure"><span class="from">{Text(from)} →</span> {Text(to)}</div>
        <div class="note">{Text(note)}</div></div>

        """;

    private static string Diagnostics(QuantizationReport report)
    {
        var items = report.Diagnostics.Select(diagnostic =>
        {
            var severity = diagnostic.Code.Severity == DiagnosticSeverity.Error ? "error" : "warning";
            return $"""
                <li class="{severity}">{severity} <a href="{Text(diagnostic.Code.HelpLink)}">{diagnostic.Code}</a> <span>{Text(diagnostic.Message)}</span></li>

                """;
        });
        return report.Diagnostics.IsEmpty ? "" : $"<ul class=\"diagnostics\">\n{string.Concat(items)}</ul>\n";
    }

    private static string Gates(QuantizationReport report) => report.Gates.IsEmpty ? "" : Section("Gates", Table(
        ["gate", "#limit", "#value", ""],
        report.Gates.Select(gate => string.Concat(
            Cell(gate.Name), Number(ReportText.Limit(gate.Limit)), Number(ReportText.Score(gate.Value)),
            gate.Passed ? "<td class=\"passed\">passed</td>" : "<td class=\"failed\">failed</td>"))));

    private static string Latency(ReportDigest digest) => digest.Report.Latency is not { Threads.IsDefaultOrEmpty: false } latency ? "" : Section("Latency of one sample", Table(
        ["#threads", "#float as given", "#float prepared", $"#{digest.ResultName}", "against float as given", "against float prepared"],
        latency.Threads.Select(row => string.Concat(
            Number(row.Threads.ToString(CultureInfo.InvariantCulture)), Number(ReportText.Milliseconds(row.FloatMs)), Number(ReportText.Milliseconds(row.PreparedFloatMs)),
            Number(ReportText.Milliseconds(row.QuantizedMs)), Cell(ReportText.Speedup(row.Speedup, row.Interval)), Cell(ReportText.Speedup(row.PreparedSpeedup, row.PreparedInterval))))));

    private static string Audit(ReportDigest digest)
    {
        if (digest.Kernels is not { } kernels)
        {
            return "";
        }

        var (shown, more) = digest.LeftOver(LeftOverCount);
        var rows = shown.Select(row => $"<td class=\"name\"><code>{Text(row.Operator)}</code></td>{Cell(row.Reason)}")
            .Concat(more > 0 ? [Cell("") + Cell($"and {more} more, listed in the JSON report")] : []);
        return Section("What ONNX Runtime makes of it", $"<p>{Text(kernels)}</p>\n{(shown.IsEmpty ? "" : Table(["left over at", "what"], rows))}");
    }

    private static string StayedFloat(ReportDigest digest) => digest.StayedFloat.IsEmpty ? "" : Section("What stayed float, and why", Table(
        ["operators", "because"],
        digest.StayedFloat.Select(group => Cell(group.Types) + Cell(group.Reason))));

    private static string Operators(ReportDigest digest)
    {
        var quantized = digest.Report.Operators.Where(row => row.Decision != OperatorDecision.Float).ToArray();
        var title = $"Quantized operators, by signal-to-quantization-noise ratio ({quantized.Length} of {digest.Report.Operators.Length})";
        return quantized.Length == 0 ? "" : Section(title, Table(
            ["operator", "type", "#SQNR", "the worst first; higher is better"],
            quantized.OrderBy(row => row.SqnrDb ?? double.PositiveInfinity).Select(row => string.Concat(
                $"<td class=\"name\"><code>{Text(row.Name)}</code></td>", Cell(row.Type),
                Number(row.SqnrDb is { } ratio ? ReportText.Decibels(ratio) : ""), Bar(row.SqnrDb)))));
    }

    private static string Bar(double? sqnrDb)
    {
        if (sqnrDb is not { } ratio || double.IsNaN(ratio))
        {
            return "<td class=\"bar\"></td>";
        }

        var width = Math.Clamp(ratio / FullBarDb, 0.01, 1).ToString("0.0%", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal);
        var grade = ratio < 10 ? " bad" : ratio < 20 ? " fair" : "";
        return $"<td class=\"bar\"><div class=\"track\"><div class=\"fill{grade}\" style=\"width:{width}\"></div></div></td>";
    }

    private static string Details(QuantizationReport report)
    {
        var environment = report.Environment;
        (string Name, string Value)[] facts =
        [
            .. report.Settings.Select(setting => (setting.Key, setting.Value)),
            ("CPU", environment.Cpu), ("Instruction sets", string.Join(", ", environment.InstructionSets)),
            ("ONNX Runtime", environment.OnnxRuntime), ("Threads", environment.Threads.ToString(CultureInfo.InvariantCulture)),
            ("Peak memory", report.PeakMemoryBytes > 0 ? ReportText.Bytes(report.PeakMemoryBytes) : ""),
        ];
        return string.Concat(
            Folded("Settings and environment", ["", ""], facts.Where(fact => fact.Value.Length > 0).Select(fact => Cell(fact.Name) + Cell(fact.Value))),
            Folded("Stages", ["stage", "#time", "#metric"], report.Stages.Select(stage => string.Concat(
                Cell(stage.Name), Number(ReportText.Seconds(stage.Seconds)), Number(stage.Metric is { } metric ? ReportText.Score(metric) : "")))),
            Folded("Quantized tensors", ["tensor", "#min", "#max", "#scale", "#zero point", "method"], report.Tensors.Select(tensor => string.Concat(
                $"<td class=\"name\"><code>{Text(tensor.Name)}</code></td>", Number(Short(tensor.Min)), Number(Short(tensor.Max)), Number(Short(tensor.Scale)),
                Number(tensor.ZeroPoint.ToString(CultureInfo.InvariantCulture)), Cell(tensor.Method)))));
    }

    private static string Folded(string title, string[] head, IEnumerable<string> rows)
    {
        var given = rows.ToArray();
        return given.Length == 0 ? "" : $"<details><summary>{Text(title)}</summary>\n{Table(head, given)}</details>\n";
    }

    private static string Section(string title, string content) => $"<h2>{Text(title)}</h2>\n{content}";

    /// <summary>A head that starts with # is that of a column of numbers.</summary>
    private static string Table(string[] head, IEnumerable<string> rows)
    {
        var names = head.Select(name => name.StartsWith('#') ? $"<th class=\"number\">{Text(name[1..])}</th>" : $"<th>{Text(name)}</th>");
        var caption = head.All(name => name.Length == 0) ? "" : $"<thead><tr>{string.Concat(names)}</tr></thead>\n";
        return $"<div class=\"scroll\"><table>{caption}<tbody>\n{string.Concat(rows.Select(row => $"<tr>{row}</tr>\n"))}</tbody></table></div>\n";
    }

    private static string Cell(string text) => $"<td>{Text(text)}</td>";

    private static string Number(string text) => $"<td class=\"number\">{Text(text)}</td>";

    private static string Short(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string ReadStyle()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
