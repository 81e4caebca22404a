using System.Globalization;
using System.Text;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Reporting;

namespace QuantBuild.Tool.Terminal;

/// <summary>The report in a dozen lines, at most 100 columns wide where no single word is wider.</summary>
internal static class ReportSummary
{
    private const int Columns = 100;
    private const int WorstCount = 3;
    private const int LabelWidth = 16;

    /// <param name="report">What was found.</param>
    /// <param name="output">Where the model was written, or null where it was not.</param>
    /// <param name="isFloat">True where the model was not to be quantized, so that there is nothing to say about INT8.</param>
    public static string Write(QuantizationReport report, string? output, bool isFloat = false)
    {
        var digest = new ReportDigest(report);
        var text = new StringBuilder();
        Accuracy(text, report);
        Field(text, "size", $"{ReportText.Bytes(report.Size.FloatBytes)} → {ReportText.Bytes(report.Size.QuantizedBytes)} ({ReportText.Percent(digest.SizeRatio)})");
        if (report.Latency is { } latency)
        {
            Latency(text, latency, isFloat);
        }

        if (!isFloat)
        {
            Operators(text, digest);
        }

        if (!isFloat && digest.Kernels is { } kernels)
        {
            Field(text, "kernels", kernels);
        }

        foreach (var input in report.Inputs)
        {
            var type = Enum.Parse<ElementType>(input.Type).NumPyName();
            Field(text, "input", input.Channels is { } channels
                ? $"{input.Name} takes {type}; by channel, each for {string.Join(", ", channels.Scales.Zip(channels.ZeroPoints, Meaning))}"
                : $"{input.Name} takes {type}, each for {Meaning(input.Scale ?? 1, input.ZeroPoint ?? 0)}");
        }

        if (report.Pruning is { } pruning)
        {
            Field(text, "pruned", ReportText.Pruning(pruning));
        }

        if (report.Search is { Evaluations: > 0 } search)
        {
            Field(text, "searched", ReportText.Search(search));
        }

        foreach (var gate in report.Gates)
        {
            Field(text, gate.Passed ? "gate passed" : "gate failed", ReportDigest.Sentence(gate));
        }

        if (output is not null)
        {
            Field(text, "written", output);
        }

        return text.ToString();
    }

    private static string Meaning(double scale, double zeroPoint) => string.Create(CultureInfo.InvariantCulture, $"{scale:G9} · (integer − {zeroPoint:0.######})");

    private static void Accuracy(StringBuilder text, QuantizationReport report)
    {
        if (report.Accuracy is { } accuracy)
        {
            Field(text, accuracy.Metric, $"{ReportText.Score(accuracy.Float)} → {ReportText.Score(accuracy.Quantized)} (drop {ReportText.Drop(accuracy)} on {ReportText.Samples(accuracy)})");
            if (accuracy.ByMachine.Values.Select(machine => machine.Quantized).Distinct().Skip(1).Any())
            {
                Field(text, "by machine", ReportText.Machines(accuracy));
            }
        }
    }

    private static void Latency(StringBuilder text, LatencyReport latency, bool isFloat)
    {
        Field(text, "latency", $"{ReportText.Milliseconds(latency.FloatMs)} → {ReportText.Milliseconds(latency.QuantizedMs)} a sample, {ReportText.Speedup(latency)}");
        if (!isFloat && ReportText.PreparedSpeedup(latency) is { } prepared)
        {
            Field(text, "float prepared", $"{ReportText.Milliseconds(latency.PreparedFloatMs)}, and INT8 against it: {prepared}");
        }

        foreach (var row in ReportText.ManyThreads(latency))
        {
            Field(
                text, $"on {row.Threads} threads",
                $"{ReportText.Milliseconds(row.FloatMs)}, prepared {ReportText.Milliseconds(row.PreparedFloatMs)} → {ReportText.Milliseconds(row.QuantizedMs)}, {ReportText.Speedup(row.Speedup, row.Interval)}");
        }
    }

    private static void Operators(StringBuilder text, ReportDigest digest)
    {
        if (digest.Report.Operators.IsEmpty)
        {
            return;
        }

        Field(text, "operators", digest.Quantized);
        var label = "stays float";
        foreach (var group in digest.StayedFloat)
        {
            Field(text, label, $"{group.Types}: {group.Reason}");
            label = "";
        }

        var worst = digest.Worst(WorstCount);
        if (!worst.IsEmpty)
        {
            Field(text, "lowest SQNR", string.Join(", ", worst.Select(row => $"{row.Name} {ReportText.Decibels(row.SqnrDb!.Value)}")));
        }
    }

    private static void Field(StringBuilder text, string label, string value)
    {
        var width = label.Length < LabelWidth ? label.PadRight(LabelWidth) : label + "  ";
        var line = new StringBuilder(width);
        var start = line.Length;
        foreach (var word in value.ReplaceLineEndings(" ").Split(' '))
        {
            if (line.Length > start && line.Length + 1 + word.Length > Columns)
            {
                text.Append(line.ToString().TrimEnd()).Append('\n');
                line.Clear().Append(' ', LabelWidth);
                start = line.Length;
            }

            line.Append(line.Length > start ? " " : "").Append(word);
        }

        text.Append(line.ToString().TrimEnd()).Append('\n');
    }
}
