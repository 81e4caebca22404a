using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>A model that takes integers computes what the same model does that takes floats.</summary>
internal sealed class InputFoldingTests
{
    private static readonly ImmutableArray<long> Shape = [1, 8, 6, 6];

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

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

    /// <summary>The border as well, where a convolution pads with what stands for 0 in every channel.</summary>
    [Test]
    public void Bytes_NormalizedByChannel_AreNormalizedInTheModel([Values(ModelFormat.Qdq, ModelFormat.QOperator)] ModelFormat format, [Values] bool isLast)
    {
        WriteModel((graph, x) => Convolution(graph, isLast ? graph.AddNode("Transpose", [x], "t").Set("perm", [0L, 3, 1, 2]).Output : x), isLast);
        var normalization = new ImagePreprocessing { Mean = [.. Channels(0.3f)], Std = [.. Channels(0.2f)] };
        var (bytes, floats) = WriteNormalized(normalization, isLast);

        var (folded, plain) = (Quantize(format, true, normalization), Quantize(format, false, normalization));

        using (Assert.EnterMultipleScope())
        {
            var model = OnnxFile.FromBytes(folded.Model.Span);
            var input = folded.Report.Inputs.Single();
            Assert.That(model.Graph.Inputs[0].DeclaredType, Is.EqualTo(ElementType.UInt8));
            Assert.That((input.Scale, input.ZeroPoint, input.Channels!.Axis), Is.EqualTo(((double?)null, (double?)null, isLast ? 3 : 1)));
            Assert.That(input.Channels.Scales, Is.EqualTo(normalization.Std.Select(std => (double)(float)(1.0 / 255 / std))));
            Assert.That(input.Channels.ZeroPoints, Is.EqualTo(normalization.Mean.Select(mean => mean * 255.0)).Within(1e-3));
            Assert.That(model.MetadataOf("quantbuild.input.x.axis"), Is.EqualTo(isLast ? "3" : "1"));
            Assert.That(TinyModels.SqnrDb(Run(plain, floats), Run(folded, bytes)), Is.GreaterThan(35));
            Assert.That(folded.Report.Accuracy!.Quantized, Is.GreaterThan(30).And.EqualTo(plain.Report.Accuracy!.Quantized).Within(1));
            Assert.That(folded.Report.Audit!.LeftOver, Is.Empty);
            Assert.That(folded.Report.Diagnostics.Select(diagnostic => diagnostic.Code), Has.None.EqualTo(DiagnosticCodes.InputNotFolded));
        }
    }

    /// <summary>Nothing is quantized in a model so small: the convolution reads floats, takes the factors in, and nothing is lost.</summary>
    [TestCase(1, new[] { "Cast", "Add" }, TestName = "{m}(padded, so that means stay in front)")]
    [TestCase(0, new[] { "Cast" }, TestName = "{m}(unpadded)")]
    public void Bytes_NormalizedByChannel_GoIntoAConvolutionThatReadsFloats(int pad, string[] expected)
    {
        WriteModel((graph, x) => graph.AddNode("Conv", [x, graph.AddInitializer("w", new TinyModels().Random(4, 8, 3, 3))], "c").Set("pads", [pad, pad, pad, (long)pad]).Output);
        var normalization = new ImagePreprocessing { Scale = 1, Mean = [.. Channels(100)], Std = [.. Channels(50)] };
        var (bytes, floats) = WriteNormalized(normalization, false);

        var folded = Quantize(ModelFormat.Auto, true, normalization);

        using (Assert.EnterMultipleScope())
        {
            var model = OnnxFile.FromBytes(folded.Model.Span);
            var reference = TinyModels.Run(File.ReadAllBytes(Path.Combine(_folder, "tiny.onnx")), ImmutableDictionary<string, TensorData>.Empty.Add("x", floats));
            Assert.That(model.Graph.Nodes.Select(node => node.OpType).TakeWhile(type => type != "Conv"), Is.EqualTo(expected));
            Assert.That(Run(folded, bytes).ToFloats(), Is.EqualTo(reference.ToFloats()).Within(1e-3f));
        }
    }

    /// <summary>Constants for each channel need to know how many axes come behind it.</summary>
    [Test]
    public void Bytes_NormalizedByChannel_OfAnInputWithoutAShape_StayFloat()
    {
        var model = TinyModels.Build(13, default, (graph, x) => graph.AddNode("Tanh", [x], "y").Output);
        var meaning = new IntegerMeaning(ElementType.UInt8, [1, 2], [3, 4], 1);

        var kept = InputFolding.Apply(model, ImmutableDictionary<string, IntegerMeaning>.Empty.Add("x", meaning));

        Assert.That(kept, Is.EqualTo([("x", "each of its channels is normalized in its own way, and the model does not declare how many dimensions it has")]));
    }

    /// <summary>One mean for all channels that is a byte is a zero point.</summary>
    [TestCase(127f, 127, "DequantizeLinear")]
    [TestCase(127.5f, 127.5, "Add")]
    public void Bytes_NormalizedAlike_HaveTheMeanForAZeroPoint(float mean, double zeroPoint, string producer)
    {
        WriteModel((graph, x) => graph.AddNode("Add", [graph.AddNode("Tanh", [x], "t").Output, Convolution(graph, x)], "y").Output);
        var normalization = new ImagePreprocessing { Scale = 1, Mean = [mean], Std = [128] };
        var (bytes, floats) = WriteNormalized(normalization, false);

        var (folded, plain) = (Quantize(ModelFormat.Qdq, true, normalization), Quantize(ModelFormat.Qdq, false, normalization));

        using (Assert.EnterMultipleScope())
        {
            var model = OnnxFile.FromBytes(folded.Model.Span);
            Assert.That(folded.Report.Inputs.Single(), Is.EqualTo(new Reports.InputReport("x", "UInt8", 1.0 / 128, zeroPoint)));
            Assert.That(model.Graph.Nodes.Single(node => node.OpType == "Tanh").Input(0)!.Producer!.OpType, Is.EqualTo(producer));
            Assert.That(TinyModels.SqnrDb(Run(plain, floats), Run(folded, bytes)), Is.GreaterThan(35));
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
        File.WriteAllBytes(Path.Combine(_folder, "folded.onnx"), folded.Model.ToArray());

        var settings = new QuantizationSettings { EvaluationData = ["*.npy"], Metric = "sqnr" };
        var report = ModelComparison.Compare(new(Path.Combine(_folder, "tiny.onnx"), Path.Combine(_folder, "folded.onnx"), _folder, settings, 2), null, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Accuracy!.Quantized, Is.EqualTo(folded.Report.Accuracy!.Quantized));
            Assert.That(report.Latency!.QuantizedMs, Is.GreaterThan(0));
        }
    }

    private static Value Convolution(Graph graph, Value x)
    {
        var tiny = new TinyModels();
        Value?[] inputs = [x, graph.AddInitializer("w", tiny.Random(16, 8, 3, 3)), graph.AddInitializer("b", tiny.Random(16))];
        var first = graph.AddNode("Conv", inputs, "first").Set("pads", [1L, 1, 1, 1]).Output;
        return graph.AddNode("Conv", [first, graph.AddInitializer("v", tiny.Random(8, 16, 1, 1))], "last").Output;
    }

    private static TensorData Floats(TensorData bytes, float step) =>
        TensorData.Create<float>(bytes.Dimensions, [.. bytes.AsSpan<byte>().ToArray().Select(element => element * step)]);

    private static IEnumerable<float> Channels(float first) => Enumerable.Range(0, 8).Select(channel => first * (1 + (channel / 16f)));

    private static TensorData Run(QuantizationResult result, TensorData x) =>
        TinyModels.Run(result.Model.ToArray(), ImmutableDictionary<string, TensorData>.Empty.Add("x", x));

    private void WriteModel(Func<Graph, Value, Value> build, bool isLast = false)
    {
        var model = Model.Create("tiny", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, isLast ? [null, 6, 6, 8] : [null, 8, 6, 6]);
        var output = model.Graph.AddNode("Identity", [build(model.Graph, input)], [model.Graph.AddValue("y")], null).Output;
        output.Declare(ElementType.Float, default);
        model.Graph.AddOutput(output);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
    }

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
            NpyFile.Write(Path.Combine(_folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Floats(Sample(), step));
        }

        return Sample();
    }

    /// <summary>Returns one more than it writes, before and after the normalization.</summary>
    private (TensorData Bytes, TensorData Floats) WriteNormalized(ImagePreprocessing normalization, bool isLast)
    {
        var random = new Random(5);
        (TensorData, TensorData) Sample()
        {
            var (bytes, floats) = (new byte[8 * 36], new float[8 * 36]);
            for (var i = 0; i < bytes.Length; i++)
            {
                var channel = isLast ? i % 8 : i / 36;
                bytes[i] = (byte)random.Next(256);
                floats[i] = (float)(((bytes[i] * (normalization.Scale ?? 1.0 / 255)) - normalization.Mean[channel % normalization.Mean.Length]) / normalization.Std[channel % normalization.Std.Length]);
            }

            ImmutableArray<long> shape = isLast ? [1, 6, 6, 8] : Shape;
            return (TensorData.Create<byte>(shape, bytes), TensorData.Create<float>(shape, floats));
        }

        for (var i = 0; i < 24; i++)
        {
            NpyFile.Write(Path.Combine(_folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Sample().Item2);
        }

        return Sample();
    }

    private TensorData WriteFloats()
    {
        var tiny = new TinyModels();
        for (var i = 0; i < 24; i++)
        {
            NpyFile.Write(Path.Combine(_folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), tiny.Random(Shape));
        }

        return tiny.Random(Shape);
    }

    private QuantizationResult Quantize(ModelFormat format, bool folds, ImagePreprocessing? preprocessing = null)
    {
        var settings = new QuantizationSettings { Preprocessing = preprocessing ?? ImagePreprocessing.FromModel, Format = format, CalibrationData = ["*.npy"], EvaluationData = ["*.npy"], Metric = "sqnr", FoldInput = folds };
        return ModelQuantizer.Quantize(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2) { MeasuresLatency = false }, null, CancellationToken.None);
    }
}
