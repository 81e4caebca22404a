using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>Channels between two layers are equalized where that lowers the error on samples it was not chosen on.</summary>
internal sealed class EqualizationTests
{
    private const int Width = 16;

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.QOperator)]
    public void ChannelsOfDifferentLoudness_SqnrRises_AndTheReportSaysSo(ModelFormat format)
    {
        WriteUnevenModel(10);
        WriteSamples(_ => true);

        var (with, without) = (Quantize(Settings(format, Correction.Equalization)), Quantize(Settings(format)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reasons(with), Has.All.Contain("scaled for channels that are equalized"));
            Assert.That(Reasons(without), Has.None.Contain("equalized"));
            Assert.That(with.Report.Accuracy!.Quantized, Is.GreaterThan(without.Report.Accuracy!.Quantized + 6));
        }
    }

    /// <summary>Without it, the second layer is given back to float.</summary>
    [Test]
    public void ChannelsAHundredTimesAsLoud_AllStaysInt8()
    {
        WriteUnevenModel(100);
        WriteSamples(_ => true);

        var (with, without) = (Quantize(Settings(ModelFormat.Qdq, Correction.Equalization)), Quantize(Settings(ModelFormat.Qdq)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Layers(with).Select(row => row.Decision), Has.All.EqualTo(OperatorDecision.Int8));
            Assert.That(Layers(without).Select(row => row.Decision), Has.Some.EqualTo(OperatorDecision.Float));
        }
    }

    /// <summary>Some channels of a normalization's scale are much larger, as in transformers; the product that reads them has small weights there.</summary>
    [Test]
    public void LoudChannelsOfALayerNormalization_StayInt8_AndWithoutItNothingDoes()
    {
        var random = new Random(3);
        float Loudness(int channel) => channel % 8 == 0 ? 64 : 1;
        var model = Model.Create("tiny", 17);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        var scale = model.Graph.AddInitializer("scale", TensorData.Vector<float>([.. Enumerable.Range(0, Width).Select(Loudness)]));
        var bias = model.Graph.AddInitializer("bias", TensorData.Vector<float>([.. Enumerable.Range(0, Width).Select(channel => 0.1f * Loudness(channel))]));
        var normalized = model.Graph.AddNode("LayerNormalization", [input, scale, bias], "n").Output;
        var output = model.Graph.AddNode("Gemm", [normalized, model.Graph.AddInitializer("v", Weights((row, _) => ((float)random.NextDouble() - 0.5f) / Loudness(row)))], "y").Output;
        output.Declare(ElementType.Float, [1, Width]);
        model.Graph.SetOutputs([output]);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
        WriteSamples(_ => true);

        var (with, without) = (Quantize(Settings(ModelFormat.Qdq, Correction.Equalization)), Quantize(Settings(ModelFormat.Qdq)));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reasons(with), Has.All.Contain("scaled for channels that are equalized"));
            Assert.That(Layers(with).Select(row => row.Decision), Has.All.EqualTo(OperatorDecision.Int8));
            Assert.That(with.Report.Accuracy!.Quantized, Is.GreaterThan(35));
            Assert.That(Layers(without).Select(row => row.Decision), Has.All.EqualTo(OperatorDecision.Float));
        }
    }

    [Test]
    public void AlikeChannels_AreLeftAlone()
    {
        WriteModel((row, column) => row == column ? 1 : 0, Sign);
        WriteSamples(_ => true);

        Assert.That(Quantize(Settings(ModelFormat.Qdq, Correction.Equalization)).Model.ToArray(), Is.EqualTo(Quantize(Settings(ModelFormat.Qdq)).Model.ToArray()));
    }

    /// <summary>Every other sample chooses, and the rest proves: where loud channels are quiet and the other way round, the factors make it worse.</summary>
    [Test]
    public void OtherSamplesHaveOtherLoudChannels_NothingIsEqualized()
    {
        WriteReaderOfQuietChannels();
        WriteSamples(position => position % 2 == 0, 0.01f);

        Assert.That(Reasons(Quantize(Settings(ModelFormat.Qdq, Correction.Equalization))), Has.None.Contain("equalized"));
    }

    [Test]
    public void SameLoudChannelsInAllSamples_AreEqualized()
    {
        WriteReaderOfQuietChannels();
        WriteSamples(_ => true, 0.01f);

        Assert.That(Reasons(Quantize(Settings(ModelFormat.Qdq, Correction.Equalization))), Has.Some.Contain("equalized"));
    }

    [Test]
    public void Lock_GivesTheSameBytes()
    {
        WriteUnevenModel(100);
        WriteSamples(_ => true);
        var first = Quantize(Settings(ModelFormat.Qdq, Correction.Equalization) with { UpdateLock = true });
        File.WriteAllBytes(Path.Combine(_folder, "tiny.quantbuild.json"), first.Lock!.Value.ToArray());

        Assert.That(Quantize(Settings(ModelFormat.Qdq, Correction.Equalization)).Model.ToArray(), Is.EqualTo(first.Model.ToArray()));
    }

    /// <summary>Of a calibration in shards, merged backwards.</summary>
    [Test]
    public void Calibration_GivesTheBytesOfADirectRun([Values(1, 3)] int shards, [Values] bool judgesByHeldOut) =>
        VerifySameBytes(shards, Settings(ModelFormat.Qdq, Correction.Equalization) with { EvaluationData = judgesByHeldOut ? [] : ["*.npy"] });

    /// <summary>Histograms, and the ends of samples, of tensors whose channels are scaled.</summary>
    [Test]
    public void Calibration_AnyMethod_GivesTheBytesOfADirectRun([Values] CalibrationMethodName method) =>
        VerifySameBytes(2, Settings(ModelFormat.Qdq, Correction.Equalization) with { CalibrationMethod = method, EvaluationData = [] });

    private void VerifySameBytes(int shards, QuantizationSettings settings)
    {
        WriteUnevenModel(30);
        WriteSamples(_ => true);
        var calibration = Calibrate(shards);

        var (direct, recorded) = (Quantize(settings), Quantize(settings with { CalibrationData = [], Calibration = calibration }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reasons(recorded), Has.All.Contain("scaled for channels that are equalized"));
            Assert.That(recorded.Model.ToArray(), Is.EqualTo(direct.Model.ToArray()));
        }
    }

    [TestCase(AccuracyEffort.Fast)]
    [TestCase(AccuracyEffort.Balanced)]
    [TestCase(AccuracyEffort.Best)]
    public void NotAskedFor_IsNotDone(AccuracyEffort effort) =>
        Assert.That(new QuantizationSettings { AccuracyEffort = effort }.Uses(Correction.Equalization), Is.False);

    private static IEnumerable<OperatorReport> Layers(QuantizationResult result) => result.Report.Operators.Where(row => row.Type == "Gemm");

    private static IEnumerable<string> Reasons(QuantizationResult result) => Layers(result).Select(row => row.Reason);

    /// <summary>Every other channel between the layers is <paramref name="ratio"/> times as loud, and its weights as much smaller.</summary>
    private void WriteUnevenModel(float ratio)
    {
        var random = new Random(3);
        float Loudness(int channel) => channel % 2 == 0 ? ratio : 1;
        WriteModel((_, column) => Loudness(column) * ((float)random.NextDouble() - 0.4f), (row, _) => ((float)random.NextDouble() - 0.5f) / Loudness(row));
    }

    /// <summary>The channels between the layers are the elements of the samples, and the second half has the larger weights.</summary>
    private void WriteReaderOfQuietChannels() => WriteModel((row, column) => row == column ? 1 : 0, (row, column) => Sign(row, column) * (row < Width / 2 ? 1 : 100));

    private static float Sign(int row, int column) => int.PopCount(row & column) % 2 == 0 ? 1 : -1;

    /// <summary>Two layers with a Relu between them.</summary>
    private void WriteModel(Func<int, int, float> first, Func<int, int, float> second)
    {
        var model = Model.Create("tiny", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        var hidden = model.Graph.AddNode("Relu", [model.Graph.AddNode("Gemm", [input, model.Graph.AddInitializer("w", Weights(first))], "g").Output], "r").Output;
        var output = model.Graph.AddNode("Gemm", [hidden, model.Graph.AddInitializer("v", Weights(second))], "y").Output;
        output.Declare(ElementType.Float, [1, Width]);
        model.Graph.SetOutputs([output]);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
    }

    private static TensorData Weights(Func<int, int, float> element) =>
        TensorData.Create<float>([Width, Width], [.. Enumerable.Range(0, Width * Width).Select(index => element(index / Width, index % Width))]);

    /// <summary>Sixteen, of which the position in the order of content hashes says whether the first half or the second is quiet.</summary>
    private void WriteSamples(Func<int, bool> isSecondQuiet, float quiet = 1)
    {
        var random = new Random(4);
        for (var i = 0; i < 128; i++)
        {
            float[] sample = [.. Enumerable.Range(0, Width).Select(index => (float)random.NextDouble() * ((index >= Width / 2) == (i % 2 == 0) ? quiet : 1))];
            NpyFile.Write(PathOf(i), TensorData.Create<float>([1, Width], sample));
        }

        var data = Data.SampleSet.Open(new(["*.npy"], _folder, [new("x", ElementType.Float, [1, Width])], Data.ImagePreprocessing.FromModel));
        int[] byHash = [.. Enumerable.Range(0, 128).OrderBy(data.ContentHash, StringComparer.Ordinal)];
        var taken = new List<int>();
        foreach (var index in byHash.Where(_ => taken.Count < 16))
        {
            if ((index % 2 == 0) == isSecondQuiet(taken.Count))
            {
                taken.Add(index);
            }
        }

        foreach (var index in byHash.Except(taken))
        {
            File.Delete(PathOf(index));
        }
    }

    private string PathOf(int index) => Path.Combine(_folder, index.ToString("d3", CultureInfo.InvariantCulture) + ".npy");

    private static QuantizationSettings Settings(ModelFormat format, params Correction[] corrections) =>
        new() { Format = format, CalibrationData = ["*.npy"], EvaluationData = ["*.npy"], Metric = "sqnr", Corrections = [.. corrections] };

    private string Calibrate(int shards)
    {
        string[] parts = [.. Enumerable.Range(1, shards).Select(shard =>
        {
            var path = Path.Combine(_folder, $"part{shard}.qcal");
            CalibrationRequest request = new(Path.Combine(_folder, "tiny.onnx"), _folder, new() { CalibrationData = ["*.npy"] }, new(shard, shards), 2);
            File.WriteAllBytes(path, ModelCalibration.Calibrate(request, null, CancellationToken.None).Content.ToArray());
            return path;
        })];
        var all = Path.Combine(_folder, "all.qcal");
        File.WriteAllBytes(all, ModelCalibration.Merge([.. parts.Reverse()]).Content.ToArray());
        return all;
    }

    private QuantizationResult Quantize(QuantizationSettings settings) =>
        ModelQuantizer.Quantize(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2) { MeasuresLatency = false }, null, CancellationToken.None);
}
