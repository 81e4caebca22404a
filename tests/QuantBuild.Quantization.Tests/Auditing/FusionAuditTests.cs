using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Auditing;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Auditing;

/// <summary>What the audit says of small quantized graphs, whole and with something planted in them.</summary>
internal sealed class FusionAuditTests
{
    private readonly TinyModels _tiny = new();

    [Test]
    public void Of_WholeModel_CountsKernelsAndBorders()
    {
        var (prepared, quantized, plan) = Quantize(Convolutions());

        var audit = FusionAudit.Of(prepared, quantized, plan)!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(audit.LeftOver, Is.Empty);
            Assert.That(audit.Kernels["QLinearConv"], Is.EqualTo(2));
            Assert.That((audit.Quantize, audit.Dequantize), Is.EqualTo((1, 1)));
            Assert.That(audit.Written, Is.EqualTo(quantized.Graph.Nodes.Count(node => node.OpType is "QuantizeLinear" or "DequantizeLinear")));
        }
    }

    /// <summary>The first convolution's output becomes one of the model's as well: it can no longer be fused with the Q behind it.</summary>
    [TestCase("first")]
    [TestCase("")]
    public void Of_ConvolutionThatIsReadInFloat_NamesItAndItsWeights(string name)
    {
        var (prepared, quantized, plan) = Quantize(Convolutions(name));
        var output = quantized.Graph.Nodes.First(node => node.Is("Conv")).Output;
        output.Declare(ElementType.Float, default);
        quantized.Graph.AddOutput(output);

        var audit = FusionAudit.Of(prepared, quantized, plan)!;

        var known = name.Length > 0 ? name : "one";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(audit.LeftOver.Select(row => (row.Operator, row.Kind)), Is.EqualTo(new[] { (known, LeftOverKind.UnfusedUnit), (known, LeftOverKind.Weights) }));
            Assert.That(audit.LeftOver[0].Reason, Does.EndWith("its output is one of the model's"));
            Assert.That(audit.LeftOver[1].Reason, Does.StartWith($"{(16 * 8 * 9) + 16:N0} of its constants"));
            Assert.That(audit.Kernels["QLinearConv"], Is.EqualTo(1));
        }
    }

    [Test]
    public void Of_ConvolutionWithoutItsQ_SaysThatItsOutputIsReadInFloat()
    {
        var (prepared, quantized, plan) = Quantize(Convolutions());
        var output = quantized.Graph.Nodes.First(node => node.Is("Conv")).Output;
        var tanh = quantized.Graph.AddNode("Tanh", [output], "seen").Output;
        tanh.Declare(ElementType.Float, default);
        quantized.Graph.AddOutput(tanh);

        var audit = FusionAudit.Of(prepared, quantized, plan)!;

        Assert.That(audit.LeftOver[0], Is.EqualTo(new LeftOverReport(
            "first", LeftOverKind.UnfusedUnit, "it was to run on integers and runs in float: its output is read in float")));
    }

    /// <summary>A Q and a DQ around a float operator, with a move between them.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void Of_PairThatNothingComputesBetween_NamesTheOperatorBeforeIt(bool moves)
    {
        var (prepared, quantized, plan) = Quantize(Convolutions());
        var graph = quantized.Graph;
        var last = graph.Outputs.Single();
        Value[] parameters = [graph.AddInitializer("scale", TensorData.Scalar(0.1f)), graph.AddInitializer("zero", TensorData.Scalar((byte)128))];
        var integers = graph.AddNode("QuantizeLinear", [graph.AddNode("Tanh", [last], "before").Output, .. parameters], "q").Output;
        integers = moves ? graph.AddNode("Transpose", [integers], "moved").Set("perm", [0L, 2, 3, 1]).Output : integers;
        var after = graph.AddNode("Tanh", [graph.AddNode("DequantizeLinear", [integers, .. parameters], "d").Output], "after").Output;
        after.Declare(ElementType.Float, default);
        graph.SetOutputs([after]);

        var audit = FusionAudit.Of(prepared, quantized, plan)!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(audit.LeftOver.Select(row => (row.Operator, row.Kind)), Is.EqualTo(new[] { ("second", LeftOverKind.Pair) }));
            Assert.That((audit.Quantize, audit.Dequantize), Is.EqualTo((2, 2)));
        }
    }

    [Test]
    public void Of_ModelOfAnotherMaking_NamesItsOwnOperators()
    {
        var (_, quantized, _) = Quantize(Convolutions());
        var output = quantized.Graph.Nodes.First(node => node.Is("Conv")).Output;
        output.Declare(ElementType.Float, default);
        quantized.Graph.AddOutput(output);

        Assert.That(FusionAudit.Of(quantized)!.LeftOver.Select(row => (row.Operator, row.Kind)), Does.Contain(("first", LeftOverKind.Weights)));
    }

    [TestCase(3, 3, "")]
    [TestCase(5, 5, "")]
    [TestCase(9, 5, "m.onnx: and 5 more; the report lists them all.")]
    public void Warnings_OfManyLeftOvers_AreAHandful(int leftOver, int lines, string last)
    {
        var rows = Enumerable.Range(0, leftOver).Select(i => new LeftOverReport($"conv{i}", LeftOverKind.UnfusedUnit, "it runs in float")).ToImmutableArray();

        var warnings = AuditWarnings.Of("m.onnx", new(ImmutableSortedDictionary<string, int>.Empty, 0, 0, [.. rows, new("fc", LeftOverKind.Weights, "they are dequantized")])).ToArray();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(warnings.Count(warning => warning.Code == DiagnosticCodes.NotFused), Is.EqualTo(lines));
            Assert.That(warnings[0].Message, Is.EqualTo("m.onnx: conv0: it runs in float."));
            Assert.That(warnings[lines - 1].Message, Is.EqualTo(last.Length > 0 ? last : $"m.onnx: conv{leftOver - 1}: it runs in float."));
            Assert.That(warnings[^1], Is.EqualTo(new Diagnostic(DiagnosticCodes.WeightsDequantized, "m.onnx: fc: they are dequantized.")));
        }
    }

    /// <summary>Types without integer kernels run in float between Q and DQ: the report counts that, and QB2034 says it.</summary>
    [Test]
    public void Quantize_To16Bits_WarnsOfTheFormAlone()
    {
        var (result, _, _) = _tiny.Quantize(Convolutions(), [1, 8, 6, 6], new() { ActivationType = QuantizedType.U16 });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Diagnostics.Select(diagnostic => diagnostic.Code.Id).Except(["QB3004"]), Is.EqualTo(["QB2034"]));
            Assert.That(result.Report.Audit!.LeftOver, Is.Not.Empty);
        }
    }

    private Model Convolutions(string firstName = "first") => TinyModels.Build(13, [1, 8, 6, 6], (graph, x) =>
    {
        Value Conv(Value input, long channels, long inputChannels, string name, string output)
        {
            Value[] inputs = [input, graph.AddInitializer("w", _tiny.Random(channels, inputChannels, 3, 3)), graph.AddInitializer("b", _tiny.Random(channels))];
            var node = graph.AddNode("Conv", inputs, output).Set("pads", [1L, 1, 1, 1]);
            node.Name = name;
            return node.Output;
        }

        return Conv(Conv(x, 16, 8, firstName, "one"), 16, 16, "second", "two");
    });

    /// <summary>The whole of a model in its default form, as the main path would write it.</summary>
    private (Model Prepared, Model Quantized, QuantizationPlan Plan) Quantize(Model model)
    {
        var prepared = PassPipeline.Default.Run(model);
        var sample = new Sample("0", ImmutableDictionary<string, TensorData>.Empty.Add("x", _tiny.Random(1, 8, 6, 6)), null);
        var form = ModelForm.Of(new() { Format = ModelFormat.Qdq });
        var placement = Placement.OfAll(prepared, new(ModelProfile.Of(prepared, sample), form));
        var observed = QuantizationPlanner.QuantizedValues(placement).ToImmutableDictionary(value => value.Name, _ => new Observation(new(-4, 4), 0));
        var plan = QuantizationPlanner.Plan(placement, form, observed);
        return (prepared, ModelRewriter.Rewrite(prepared, plan), plan);
    }
}
