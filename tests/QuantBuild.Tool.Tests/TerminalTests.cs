using QuantBuild.Quantization.Reports;
using QuantBuild.Tool.Terminal;

namespace QuantBuild.Tool.Tests;

internal sealed class TerminalTests
{
    [Test]
    public void ReportSummary_Report_ReadsAsExpected() => Assert.That(ReportSummary.Write(Reports.Passed, "out/digits.onnx"), Is.EqualTo(
        """
        top1            0.9945 → 0.9917 (drop 0.0028 on 360 evaluation samples)
        size            1.0 MiB → 280 KiB (27 %)
        latency         0.52 ms → 0.20 ms a sample, 2.60× as fast (2.41× to 2.78×)
        float prepared  0.41 ms, and INT8 against it: 2.05× as fast (1.98× to 2.20×)
        on 4 threads    0.22 ms, prepared 0.11 ms → 0.10 ms, 2.20× as fast (2.10× to 2.30×)
        operators       4 of 6 in INT8
        stays float     1 Softmax: ONNX Runtime has no INT8 kernel for it
                        1 Concat: its inputs have ranges that differ so much that the smaller ones would be
                        lost: boxes and scores
        lowest SQNR     conv2 18.2 dB, conv1 24.3 dB, conv3 30.0 dB
        kernels         3 QLinearConv, 1 QGemm; 2 Q and 1 DQ at the borders
        gate passed     MaxAccuracyDrop is 0.0028, limit 0.01
        written         out/digits.onnx

        """.ReplaceLineEndings("\n")));

    /// <summary>A model that was to be quantized and stays float all the same says why; one that was pruned alone need not.</summary>
    [Test]
    public void ReportSummary_FloatModel_SaysNothingOfInt8_OnlyWhereItWasNotAskedFor([Values] bool isFloat)
    {
        var report = Reports.Passed with
        {
            Operators = [new("conv", "Conv", OperatorDecision.Float, "INT8 does not pay here", null)],
            Pruning = new(1, 4, 1) { ParametersBefore = 4, Parameters = 3, Zeros = 0, Groups = [new("conv", 4, 1, null)] },
        };

        var summary = ReportSummary.Write(report, null, isFloat);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(summary.Contains("INT8", StringComparison.Ordinal), Is.EqualTo(!isFloat));
            Assert.That(summary.Contains("1 Conv: INT8 does not pay here", StringComparison.Ordinal), Is.EqualTo(!isFloat));
            Assert.That(summary, Does.Contain("pruned          1 of 4 channels"));
        }
    }

    [Test]
    public void ReportSummary_FoldedInput_NamesItsTypeAsMessagesDo()
    {
        var summary = ReportSummary.Write(Reports.Passed with { Inputs = [new("image", "UInt8", 1, 0)] }, null);

        Assert.That(summary, Does.Contain("image takes uint8, each for "));
    }

    [Test]
    public void ReportSummary_LongNames_StaysWithin100Columns()
    {
        var report = Reports.Passed with
        {
            Operators = [.. Enumerable.Range(0, 9).Select(i => new OperatorReport($"features/stage_{i}/block_{i}/conv_{i}/Conv", "Conv", OperatorDecision.Int8, "", i))],
        };

        var lines = ReportSummary.Write(report, "x.onnx").Split('\n');

        Assert.That(lines.Max(line => line.Length), Is.LessThanOrEqualTo(100));
    }

    [Test]
    public void ProgressLine_Terminal_RewritesOneLineAndErasesIt()
    {
        using var error = new StringWriter();
        using (var progress = new ProgressLine(new ToolConsole(TextWriter.Null, error, ProgressColumns: 50)))
        {
            progress.Report(new("Calibrating", 5, 10));
            progress.Report(new("Evaluating the models on the evaluation data", 10, 10));
        }

        var frames = error.ToString().Split('\r');
        using (Assert.EnterMultipleScope())
        {
            Assert.That(frames[1].TrimEnd(), Is.EqualTo("Calibrating [############............] 5/10"));
            Assert.That(frames.Skip(1).SkipLast(1).Select(frame => frame.Length), Is.All.EqualTo(49));
            Assert.That(frames[^2].Trim(), Is.Empty);
            Assert.That(error.ToString(), Does.EndWith("\r").And.Not.Contain("\n"));
        }
    }

    [Test]
    public void ProgressLine_NoTerminal_WritesNothing()
    {
        using var error = new StringWriter();
        using (var progress = new ProgressLine(new ToolConsole(TextWriter.Null, error)))
        {
            progress.Report(new("Calibrating", 5, 10));
        }

        Assert.That(error.ToString(), Is.Empty);
    }
}
