using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Which samples do what.</summary>
internal sealed class RequestDataTests
{
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase(40, ExpectedResult = "16 correct, 16 compare, 0 do both, 8 judge")]
    [TestCase(66, ExpectedResult = "32 correct, 21 compare, 0 do both, 13 judge")]
    [TestCase(200, ExpectedResult = "32 correct, 32 compare, 0 do both, 40 judge")]
    [TestCase(12, ExpectedResult = "10 correct, 10 compare, 10 do both, 2 judge")]
    public string Samples_ThatCorrectWeights_DoNotCompareCandidates(int count)
    {
        var data = Open(count, AccuracyEffort.Balanced);

        string[] judged = [.. Ids(data.Judged)];
        Assert.That(judged.Intersect(Ids(data.Correcting).Concat(Ids(data.Comparing))), Is.Empty);
        return $"{data.Correcting.Count} correct, {data.Comparing.Count} compare, {Ids(data.Correcting).Intersect(Ids(data.Comparing)).Count()} do both, {judged.Length} judge";
    }

    /// <summary>Of those that are not held out.</summary>
    [TestCase(AccuracyEffort.Balanced, 50, 8)]
    [TestCase(AccuracyEffort.Balanced, 200, 20)]
    [TestCase(AccuracyEffort.Fast, 200, 10)]
    [TestCase(AccuracyEffort.Best, 400, 32)]
    [TestCase(AccuracyEffort.Fast, 400, 20)]
    public void MeasuredLayers_AreAShareOfTheSamples(AccuracyEffort effort, int count, int expected) => Assert.That(Open(count, effort).MeasuredLayers.Count, Is.EqualTo(expected));

    /// <summary>A process that ends while the model is still being prepared crashes in ONNX Runtime.</summary>
    [Test]
    public void DataThatCannotBeRead_AreSaidWhenNothingRunsAnyMore()
    {
        var model = TinyModels.Build(13, [1, 4], (graph, x) => Enumerable.Range(0, 500).Aggregate(x, (value, index) => graph.AddNode("Neg", [value], $"n{index}").Output));
        OnnxFile.Write(model, Path.Combine(_folder, "long.onnx"));
        var stages = new StageClock();

        Assert.That(
            () => PreparedRequest.Open(new(Path.Combine(_folder, "long.onnx"), _folder, new() { CalibrationData = ["nowhere/*.npy"] }, 2), stages, null, CancellationToken.None),
            Throws.TypeOf<QuantBuildException>().With.Message.Contains("matches no sample"));

        Assert.That(stages.Stages.Select(stage => stage.Name), Is.EqualTo(["prepare"]));
    }

    private RequestData Open(int count, AccuracyEffort effort)
    {
        for (var sample = 0; sample < count; sample++)
        {
            NpyFile.Write(Path.Combine(_folder, sample.ToString("d3", CultureInfo.InvariantCulture) + ".npy"), TensorData.Create<float>([1, 2], [sample, 1]));
        }

        return RequestData.Open(new("tiny.onnx", _folder, new() { CalibrationData = ["*.npy"], AccuracyEffort = effort }, 2), [new("x", ElementType.Float, [1, 2])], null, CancellationToken.None);
    }

    private static IEnumerable<string> Ids(SampleRun samples) => samples.Samples.Select(sample => sample.Id);
}
