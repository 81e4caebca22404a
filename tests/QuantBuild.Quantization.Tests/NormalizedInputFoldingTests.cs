using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>An application that normalizes its bytes leaves that to the model.</summary>
internal sealed class NormalizedInputFoldingTests : InputFoldingFixture
{
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
            var reference = TinyModels.Run(File.ReadAllBytes(Path.Combine(Folder, "tiny.onnx")), ImmutableDictionary<string, TensorData>.Empty.Add("x", floats));
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

    private static IEnumerable<float> Channels(float first) => Enumerable.Range(0, 8).Select(channel => first * (1 + (channel / 16f)));

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
            NpyFile.Write(Path.Combine(Folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Sample().Item2);
        }

        return Sample();
    }
}
