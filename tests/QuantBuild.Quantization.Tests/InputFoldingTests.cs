using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>A model that takes integers computes what the same model does that takes floats.</summary>
internal sealed class InputFoldingTests : InputFoldingFixture
{
    /// <summary>No sample reaches 255.</summary>
    [Test]
    public void Bytes_AreFedUnchanged([Values(ModelFormat.Qdq, ModelFormat.QOperator)] ModelFormat format, [Values(1f / 255, 1f)] float step)
    {
        WriteModel(Convolution);
        var bytes = WriteBytes(200, step);

        var (folded, plain) = (Quantize(format, true), Quantize(format, false));

        using (Assert.EnterMultipleScope())
        {
            var model = OnnxFile.FromBytes(folded.Model.Span);
            Assert.That(model.Graph.Inputs[0].DeclaredType, Is.EqualTo(ElementType.UInt8));
            Assert.That(model.Graph.Inputs[0].DeclaredShape, Is.EqualTo(new long?[] { null, 8, 6, 6 }));
            Assert.That(model.Graph.Inputs[0].Consumers.Select(use => use.Node.OpType), Has.None.EqualTo("QuantizeLinear"));
            Assert.That(folded.Report.Inputs.Single(), Is.EqualTo(new Reports.InputReport("x", "UInt8", step, 0)));
            Assert.That((model.MetadataOf("quantbuild.input.x.scale"), model.MetadataOf("quantbuild.input.x.zero_point")), Is.EqualTo((step.ToString("R", CultureInfo.InvariantCulture), "0")));
            Assert.That(plain.Report.Inputs, Is.Empty);
            Assert.That(folded.Report.Audit!.LeftOver, Is.Empty);
            Assert.That(folded.Report.Accuracy!.Quantized, Is.GreaterThan(35));
            Assert.That(TinyModels.SqnrDb(Run(plain, Floats(bytes, step)), Run(folded, bytes)), Is.GreaterThan(30));
        }
    }

    /// <summary>They are on the grid of bytes by chance: the application has no bytes for them, and what reads them in float keeps them.</summary>
    [TestCase(1, TestName = "{m}(zeros, such as a first state)")]
    [TestCase(2, TestName = "{m}(a mask)")]
    public void AFewWholeNumbers_AreNoBytes(int levels)
    {
        WriteModel((graph, x) => graph.AddNode("Add", [graph.AddNode("Tanh", [x], "t").Output, Convolution(graph, x)], "y").Output);
        WriteBytes(levels, 1f);

        var report = Quantize(ModelFormat.Qdq, true).Report;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Inputs, Is.Empty);
            Assert.That(report.Diagnostics.Select(diagnostic => diagnostic.Code), Has.One.EqualTo(DiagnosticCodes.InputNotFolded));
        }
    }

    /// <summary>Padding is with the zero point, so that the border is right as well.</summary>
    [Test]
    public void Floats_OfOneQuantization_GiveTheSameModelWithoutIt([Values] bool isBytes)
    {
        WriteModel(Convolution);
        var sample = isBytes ? Floats(WriteBytes(256, 1f / 255), 1f / 255) : WriteFloats();

        var (folded, plain) = (Quantize(ModelFormat.Qdq, true), Quantize(ModelFormat.Qdq, false));

        using var session = InferenceModel.Load(OnnxFile.FromBytes(folded.Model.Span), Optimization.AsDeployed);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(OnnxFile.FromBytes(folded.Model.Span).Graph.Inputs[0].DeclaredType, Is.EqualTo(ElementType.UInt8));
            Assert.That(session.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", sample), ["y"])[0].ToFloats(), Is.EqualTo(Run(plain, sample).ToFloats()));
            Assert.That(folded.Report.Accuracy!.Quantized, Is.EqualTo(plain.Report.Accuracy!.Quantized));
            Assert.That(folded.Report.Accuracy.ByMachine.Values.Select(machine => machine.Quantized), Is.EqualTo(plain.Report.Accuracy.ByMachine.Values.Select(machine => machine.Quantized)));
        }
    }

    [Test]
    public void Bytes_ReadInFloat_ComeBehindADequantizeLinear()
    {
        WriteModel((graph, x) => graph.AddNode("Add", [graph.AddNode("Tanh", [x], "t").Output, Convolution(graph, x)], "y").Output);
        var bytes = WriteBytes(256, 1f / 255);

        var (folded, plain) = (Quantize(ModelFormat.Qdq, true), Quantize(ModelFormat.Qdq, false));

        using (Assert.EnterMultipleScope())
        {
            var tanh = OnnxFile.FromBytes(folded.Model.Span).Graph.Nodes.Single(node => node.OpType == "Tanh");
            Assert.That(tanh.Input(0)!.Producer!.OpType, Is.EqualTo("DequantizeLinear"));
            Assert.That(Run(folded, bytes).ToFloats(), Is.EqualTo(Run(plain, Floats(bytes, 1f / 255)).ToFloats()).Within(1e-6f));
            Assert.That(folded.Report.Diagnostics.Select(diagnostic => diagnostic.Code), Has.None.EqualTo(DiagnosticCodes.InputNotFolded));
        }
    }

    [Test]
    public void Floats_ReadInFloat_StayAsTheyAre_WithAWarning()
    {
        WriteModel((graph, x) => graph.AddNode("Add", [graph.AddNode("Tanh", [x], "t").Output, Convolution(graph, x)], "y").Output);
        WriteFloats();

        var (folded, plain) = (Quantize(ModelFormat.Qdq, true), Quantize(ModelFormat.Qdq, false));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(folded.Model.ToArray(), Is.EqualTo(plain.Model.ToArray()));
            Assert.That(folded.Report.Inputs, Is.Empty);
            var warning = folded.Report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.InputNotFolded);
            Assert.That(warning.Message, Does.Contain("'x'").And.Contain("Tanh"));
        }
    }

    [Test]
    public void Compare_OfAFoldedFile_JudgesItOnFloatSamples()
    {
        WriteModel(Convolution);
        WriteBytes(256, 1f / 255);
        var folded = Quantize(ModelFormat.Qdq, true);
        File.WriteAllBytes(Path.Combine(Folder, "folded.onnx"), folded.Model.ToArray());

        var settings = new QuantizationSettings { EvaluationData = ["*.npy"], Metric = "sqnr" };
        var report = ModelComparison.Compare(new(Path.Combine(Folder, "tiny.onnx"), Path.Combine(Folder, "folded.onnx"), Folder, settings, 2), null, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Quantized, Is.EqualTo(folded.Report.Accuracy!.Quantized));
            Assert.That(report.Latency!.QuantizedMs, Is.GreaterThan(0));
        }
    }

    private static TensorData Floats(TensorData bytes, float step) =>
        TensorData.Create<float>(bytes.Dimensions, [.. bytes.AsSpan<byte>().ToArray().Select(element => element * step)]);

    /// <summary>Returns one more than it writes.</summary>
    private TensorData WriteBytes(int end, float step)
    {
        var random = new Random(5);
        TensorData Sample()
        {
            var bytes = new byte[Shape.Aggregate(1L, (product, length) => product * length)];
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)random.Next(end);
            }

            return TensorData.Create<byte>(Shape, bytes);
        }

        for (var i = 0; i < 24; i++)
        {
            NpyFile.Write(Path.Combine(Folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Floats(Sample(), step));
        }

        return Sample();
    }

    private TensorData WriteFloats()
    {
        var tiny = new TinyModels();
        for (var i = 0; i < 24; i++)
        {
            NpyFile.Write(Path.Combine(Folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), tiny.Random(Shape));
        }

        return tiny.Random(Shape);
    }
}
