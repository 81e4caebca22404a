namespace QuantBuild.Reporting.Tests;

internal sealed class ReportMarkdownTests
{
    [Test]
    public void Write_FailedReport_ReadsAsExpected() => Assert.That(ReportMarkdown.Write(Reports.Failed), Is.EqualTo(
        """
        ## QuantBuild: `models/digits.onnx`

        **Failed: MaxAccuracyDrop is 0.0233, limit 0.01**

        |  | float | INT8 | change |
        | --- | --- | --- | --- |
        | top1 (360 evaluation samples) | 0.9945 | 0.9712 | drop 0.0233 |
        | size | 1.0 MiB | 280 KiB | 27 % of float |
        | latency of one sample | 0.52 ms | 0.20 ms | 2.60× as fast (2.41× to 2.78×) |
        | the same, float prepared | 0.41 ms | 0.20 ms | 2.05× as fast (1.98× to 2.20×) |
        | on 4 threads | 0.22 ms | 0.10 ms | 2.20× as fast (2.10× to 2.30×) |
        | on 4 threads, float prepared | 0.11 ms | 0.10 ms | no certain difference (0.98× to 1.20×) |

        | gate | limit | value |  |
        | --- | --- | --- | --- |
        | MaxAccuracyDrop | 0.01 | 0.0233 | **failed** |

        - error [QB3001](https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB3001.md): models/digits.onnx: top1 fell from 0.9945 to 0.9712 (drop 0.0233, at most 0.01 allowed)
        - warning [QB2030](https://github.com/quantbuild/quantbuild/blob/main/docs/errors/QB2030.md): 3 evaluation samples are calibration samples too

        ONNX Runtime runs 2 QLinearConv, 2 Transpose, 1 QGemm; 2 Q and 1 DQ still run.

        | left over at | what |
        | --- | --- |
        | `head\|conv` | its output is \<read\> in float |
        | `fc` | 64 of its constants become float again at every run |

        Operators: 3 of 6 in INT8.

        | stayed float | because |
        | --- | --- |
        | 2 Softmax | ONNX Runtime has no INT8 kernel for it |
        | 1 Concat | mixes boxes with scores \<of other ranges\> |

        | lowest SQNR | type | dB |
        | --- | --- | --- |
        | `conv2` | Conv | 18.2 dB |
        | `conv1` | Conv | 24.3 dB |
        | `pool` | GlobalAveragePool | 40.5 dB |

        <sub>Example CPU @ 2.10GHz (Avx2, Avx512Vnni), ONNX Runtime 1.31.1</sub>


        """.ReplaceLineEndings("\n")));

    [Test]
    public void Write_NothingMeasured_KeepsToWhatIsKnown()
    {
        var text = ReportMarkdown.Write(Reports.Bare);

        Assert.That(text, Does.Contain("No limit was set").And.Contain("| size |").And.Not.Contain("latency").And.Not.Contain("gate |"));
    }

    [Test]
    public void Write_PrunedAlone_IsNotCalledInt8() => Assert.That(
        ReportMarkdown.Write(Reports.Pruned), Does.Contain("|  | float | pruned | change |").And.Not.Contain("INT8"));

    [Test]
    public void Write_SeveralMachines_SaysWhatEachSees() => Assert.That(
        ReportMarkdown.Write(Reports.Passed), Does.Contain("By machine: x64 with VNNI 0.9917, x64 without VNNI 0.9900 (predicted)."));

    [Test]
    public void Write_TextFromAModel_StaysInItsCell()
    {
        var report = Reports.Passed with
        {
            Operators = [new("a|b`c\nd", "My|Op", Quantization.Reports.OperatorDecision.Int8, "", 3)],
        };

        Assert.That(ReportMarkdown.Write(report), Does.Contain("| `a\\|b'c d` | My\\|Op | 3.0 dB |"));
    }
}
