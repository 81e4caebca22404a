using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>Layers make up for what quantizing those before them does.</summary>
internal sealed class ReconstructionTests
{
    private const int Channels = 8;
    private const int Side = 12;

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.WeightOnly)]
    public void LayersInARow_ErrorAtTheOutputFalls(ModelFormat format)
    {
        WriteFiles();
        var settings = new QuantizationSettings { Format = format, CalibrationMethod = CalibrationMethodName.MinMax, WeightType = QuantizedType.S4, Corrections = [Correction.Bias, Correction.Rounding] };

        var (with, without) = (SqnrOf(Quantize(settings with { Corrections = [Correction.Bias, Correction.Rounding, Correction.Reconstruction] })), SqnrOf(Quantize(settings)));

        Assert.That(with, Is.GreaterThan(without + 0.5));
    }

    [Test]
    public void WeightsOfFourBits_AreReconstructed_AndTheBytesAreTheSameEachTime()
    {
        WriteFiles();
        var settings = new QuantizationSettings { Format = ModelFormat.Qdq, CalibrationMethod = CalibrationMethodName.MinMax, WeightType = QuantizedType.S4 };

        var (first, second) = (OnnxFile.ToBytes(Quantize(settings).Model), OnnxFile.ToBytes(Quantize(settings).Model));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first, Is.EqualTo(second));
            Assert.That(first, Is.Not.EqualTo(OnnxFile.ToBytes(Quantize(settings with { Corrections = [Correction.Bias, Correction.Smoothing, Correction.Rounding] }).Model)));
        }
    }

    /// <summary>Layers without weights of their own, and those of bodies, stay as they are; too few samples prove nothing.</summary>
    [Test]
    public void FewSamples_ChangeNothing()
    {
        WriteFiles(samples: 6);
        var settings = new QuantizationSettings { Format = ModelFormat.Qdq, WeightType = QuantizedType.S4, Corrections = [Correction.Bias] };

        Assert.That(
            OnnxFile.ToBytes(Quantize(settings with { Corrections = [Correction.Bias, Correction.Reconstruction] }).Model),
            Is.EqualTo(OnnxFile.ToBytes(Quantize(settings).Model)));
    }

    [TestCase(ModelFormat.Auto, null, AccuracyEffort.Balanced, false)]
    [TestCase(ModelFormat.Auto, null, AccuracyEffort.Best, true)]
    [TestCase(ModelFormat.Auto, QuantizedType.S4, AccuracyEffort.Balanced, true)]
    [TestCase(ModelFormat.WeightOnly, null, AccuracyEffort.Balanced, true)]
    [TestCase(ModelFormat.WeightOnly, QuantizedType.U4, AccuracyEffort.Fast, false)]
    public void Efforts_UseItWhereTheNoiseIsThatOfTheWeights(ModelFormat format, QuantizedType? weights, AccuracyEffort effort, bool expected) =>
        Assert.That(new QuantizationSettings { Format = format, WeightType = weights, AccuracyEffort = effort }.Uses(Correction.Reconstruction), Is.EqualTo(expected));

    /// <summary>Parts of a model hand tensors to each other and no sequences: layers behind such a place stay as they are, and those before are reconstructed.</summary>
    [Test]
    public void SequenceBetweenLayers_EndsIt()
    {
        WriteFiles();
        OnnxFile.Write(Network(hasSequence: true), Path.Combine(_folder, "row.onnx"));

        var planned = Quantize(new() { Format = ModelFormat.WeightOnly, WeightType = QuantizedType.S4 });

        Assert.That(planned.Plan.Reconstructed.Select(node => node.Output.Name), Is.SubsetOf(new[] { "c0", "c1" }).And.Not.Empty);
    }

    /// <summary>A certain model's probabilities are all 0 and 1: its scores say what was lost.</summary>
    [Test]
    public void OutputScores_LieInFrontOfTheSoftmax()
    {
        var model = Model.Create("classes", 21);
        var input = model.Graph.AddInput("x");
        var softmax = model.Graph.AddNode("Softmax", [model.Graph.AddNode("Abs", [input], "scores").Output], "softmax");
        var flat = model.Graph.AddNode("Flatten", [softmax.Output], "y");
        var other = model.Graph.AddNode("Neg", [input], "z");

        Assert.That((OutputScores.Of(flat.Output).Name, OutputScores.Of(other.Output).Name), Is.EqualTo(("scores", "z")));
    }

    /// <summary>A class's number says nothing of how near the next class came.</summary>
    [Test]
    public void OutputScores_LieInFrontOfAnArgMax()
    {
        var model = Model.Create("classes", 21);
        var input = model.Graph.AddInput("x");
        var softmax = model.Graph.AddNode("Softmax", [model.Graph.AddNode("Abs", [input], "scores").Output], "softmax");
        var number = model.Graph.AddNode("Cast", [model.Graph.AddNode("ArgMax", [softmax.Output], "i").Output], "y").Set("to", 6L).Output;
        var other = model.Graph.AddNode("Neg", [input], "z").Output;
        model.Graph.SetOutputs([number, other]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That((OutputScores.Of(number).Name, OutputScores.Compared(number).Name), Is.EqualTo(("scores", "softmax")));
            Assert.That(OutputScores.Expose(model).Graph.Outputs.Select(output => output.Name), Is.EqualTo(["softmax", "z"]));
            Assert.That(model.Graph.Outputs.Select(output => output.Name), Is.EqualTo(["y", "z"]));
        }
    }

    private static Model Network(bool hasSequence = false)
    {
        var model = Model.Create("row", 21);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Channels, Side, Side]);
        var (random, value, sequence) = (new Random(2), input, (Value?)null);
        for (var layer = 0; layer < 5; layer++)
        {
            var weights = TensorData.Create<float>([Channels, Channels, 3, 3], [.. Enumerable.Range(0, Channels * Channels * 9).Select(_ => (float)((2 * random.NextDouble()) - 1) / 5)]);
            var convolution = model.Graph.AddNode("Conv", [value, model.Graph.AddInitializer($"w{layer}", weights)], $"c{layer}").Set("pads", [1L, 1, 1, 1]);
            value = layer < 4 ? model.Graph.AddNode("Relu", [convolution.Output], $"r{layer}").Output : convolution.Output;
            if (hasSequence && layer == 1)
            {
                // Made in front of this layer, and read behind it
                value = model.Graph.AddNode("SequenceAt", [model.Graph.AddNode("SequenceInsert", [sequence, value], "inserted").Output, model.Graph.AddInitializer("one", TensorData.Create<long>([], [1]))], "taken").Output;
            }
            else if (hasSequence && layer == 0)
            {
                sequence = model.Graph.AddNode("SequenceConstruct", [value], "sequence").Output;
            }
        }

        value.Declare(ElementType.Float, default);
        model.Graph.AddOutput(value);
        return model;
    }

    private static TensorData Sample(int seed)
    {
        // Smooth, so that neighbours go together as they do in images
        var random = new Random(seed);
        double[] phases = [.. Enumerable.Range(0, 4 * Channels).Select(_ => random.NextDouble() * 6)];
        return TensorData.Create<float>([1, Channels, Side, Side], [.. Enumerable.Range(0, Channels * Side * Side).Select(index =>
        {
            var (channel, row, column) = (index / Side / Side, index / Side % Side, index % Side);
            return (float)(Math.Sin((row / 2.0) + phases[channel]) + Math.Cos((column / 3.0) + phases[Channels + (channel / 2)]) + (0.2 * random.NextDouble()));
        })]);
    }

    private void WriteFiles(int samples = 24)
    {
        OnnxFile.Write(Network(), Path.Combine(_folder, "row.onnx"));
        for (var sample = 0; sample < samples; sample++)
        {
            NpyFile.Write(Path.Combine(_folder, sample.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), Sample(sample));
        }
    }

    /// <summary>Everything that can be quantized, whatever it costs.</summary>
    private PlannedModel Quantize(QuantizationSettings settings)
    {
        var request = new QuantizationRequest(Path.Combine(_folder, "row.onnx"), _folder, settings with { CalibrationData = ["*.npy"] }, 2);
        var job = PreparedRequest.Open(request, new StageClock(), null, CancellationToken.None);
        var wanted = job.Wanted;
        return new PrecisionSearch(job, job.Observe(wanted)).Keep(wanted);
    }

    /// <summary>On samples that it has not seen.</summary>
    private static double SqnrOf(PlannedModel planned)
    {
        var (original, quantized) = (OnnxFile.ToBytes(Network()), OnnxFile.ToBytes(planned.Model));
        return Enumerable.Range(100, 8).Select(seed => ImmutableDictionary<string, TensorData>.Empty.Add("x", Sample(seed)))
            .Average(sample => TinyModels.SqnrDb(TinyModels.Run(original, sample), TinyModels.Run(quantized, sample)));
    }
}
