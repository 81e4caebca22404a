using System.Text.Json;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Locks;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Tool.Tests;

internal sealed class AnalyzeVerbTests
{
    private static AnalysisReport Analysis => new(
        12, "top1", 0.75, new(29.9, 1.02e-3, 2.3e-4, 0.5, 12),
        [
            new("conv", "Conv", OperatorDecision.Int8, new(33.1, 4.9e-4, 1e-4, 0.75, 12), new(32.8, 5.2e-4, 1.3e-4, 0.75, 6), 1.5),
            new("a/longer/name", "Add", OperatorDecision.Int8, new(41, 7.9e-5, null, 0.75, 6), new(30, 1e-3, null, 0.5, 12), null),
        ],
        [new("x", -0.5, 2.25, 0.00012, 0.25)]);

    [Test]
    public async Task Analyze_IsATable_TheWorstFirst()
    {
        var run = await ToolRun.OfAsync(EngineGiving(Analysis), ["analyze", "m.onnx", "--calibration-data", "*.npy"]);

        Assert.That(run.Output, Is.EqualTo(
            """
            m.onnx: 12 samples; all together 29.9 dB, KL 2.3e-4, top1 0.5000 (float: top1 0.7500)

            operators: the outputs when it alone is quantized, and when all but it are
              conv           Conv  Int8  33.1 dB, KL 1.0e-4, top1 0.7500  32.8 dB, KL 1.3e-4, top1 0.7500  weights 1.50×
              a/longer/name  Add   Int8  41.0 dB, top1 0.7500             30.0 dB, top1 0.5000

            activations
              x  -0.5 … 2.25  0.01 % clipped  25 % of the levels unused

            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public async Task Analyze_Json_IsOneDocument()
    {
        var run = await ToolRun.OfAsync(EngineGiving(Analysis), ["analyze", "m.onnx", "--calibration-data", "*.npy", "--json"]);

        using var document = JsonDocument.Parse(run.Output);
        var root = document.RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[] { "samples", "metric", "float", "all", "operators", "tensors" }));
            Assert.That(root.GetProperty("operators")[0].GetProperty("allBut").GetProperty("sqnrDb").GetDouble(), Is.EqualTo(32.8));
            Assert.That(root.GetProperty("operators")[0].GetProperty("form").GetString(), Is.EqualTo("int8"));
        }
    }

    [Test]
    public async Task Analyze_OptionsReachTheRequest()
    {
        var seen = new List<QuantizationRequest>();
        var engine = Engine.Default with { Analyze = (request, _, _) => { seen.Add(request); return Analysis; } };

        await ToolRun.OfAsync(engine, ["analyze", "m.onnx", "--calibration-data", "*.npy", "--analysis-samples", "7", "--threads", "3"]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(seen.Single().Settings.AnalysisSamples, Is.EqualTo(7));
            Assert.That(seen.Single().Threads, Is.EqualTo(3));
        }
    }

    [TestCase("0")]
    [TestCase("many")]
    public async Task Analyze_NumberOfSamplesThatIsNone_IsACodedError(string number)
    {
        var run = await ToolRun.OfAsync(EngineGiving(Analysis), ["analyze", "m.onnx", "--analysis-samples", number]);

        Assert.That(run.Error, Does.Contain("QB1002").And.Contain("AnalysisSamples").And.Contain("a whole number above 0"));
    }

    [TestCase(true, "no form is certainly faster than float here; the model stays float")]
    [TestCase(false, "nothing in this model can be quantized, or no form keeps its outputs; it stays float")]
    public async Task Tune_ThatTakesNothing_SaysWhy(bool tried, string expected)
    {
        using var folder = new TemporaryFolder();
        var engine = Engine.Default with { Tune = (_, _, _) => new("{}"u8.ToArray(), tried ? [new TuningTrial("Format=Auto", 1.5, 0.75, true)] : [], true) };

        var run = await ToolRun.OfAsync(engine, ["tune", folder.File("m.onnx"), "--calibration-data", "*.npy"]);

        Assert.That(run.Output, Does.Contain(expected));
    }

    private static Engine EngineGiving(AnalysisReport analysis) => Engine.Default with { Analyze = (_, _, _) => analysis };
}
