using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>Which candidates are near enough to the float model, and on which samples.</summary>
internal sealed class OutputReferenceTests
{
    private const int Samples = 8;
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Each sample is 1 or 2. The candidate adds an error to the latter, a share of the signal of all that 21 dB allow or do not.</summary>
    [TestCase("11111111", 1f, ExpectedResult = true, TestName = "{m}(no error)")]
    [TestCase("22222222", 0.16f, ExpectedResult = true, TestName = "{m}(21.9 dB everywhere)")]
    [TestCase("22222222", 0.2f, ExpectedResult = false, TestName = "{m}(20 dB everywhere)")]
    [TestCase("22111111", 0.22f, ExpectedResult = true, TestName = "{m}(20.1 dB in the first half, 21.6 in all)")]
    [TestCase("11111122", 0.5f, ExpectedResult = false, TestName = "{m}(no error in the first half, 14.5 dB in all)")]
    [TestCase("21111111", 0.5f, ExpectedResult = false, TestName = "{m}(14.5 dB in the first half, 16.4 in all)")]
    public bool Error_OverAllSamples_Decides(string samples, float error)
    {
        var run = new SampleRun([.. samples.Select((digit, index) => Handle(index, digit - '0'))], 2, null, CancellationToken.None);
        Assert.That(run.Count, Is.EqualTo(Samples));

        return new OutputReference(Candidate(0), run).IsKept(Candidate(error));
    }

    /// <summary>Scores of which the same one stays the largest.</summary>
    [TestCase(0.05f, ExpectedResult = true)]
    [TestCase(0.3f, ExpectedResult = false)]
    public bool ErrorInFrontOfAnArgMax_Decides(float error)
    {
        var run = new SampleRun([.. Enumerable.Range(0, Samples).Select(index => Handle(index, 2))], 2, null, CancellationToken.None);

        return new OutputReference(Numbers(0), run).IsKept(Numbers(error));

        static Model Numbers(float error)
        {
            var model = Candidate(error);
            var number = model.Graph.AddNode("ArgMax", [model.Graph.Outputs.Single()], "class").Output;
            number.Declare(ElementType.Int64, default);
            model.Graph.SetOutputs([number]);
            return model;
        }
    }

    /// <summary>Samples of 2 have all noise: 2 of 14 squares; they alone have 1 of 4, and with one more 2 of 9.</summary>
    [TestCase("11121121", 1, new[] { 3 }, 4.0 / 7)]
    [TestCase("11121121", 2, new[] { 3, 6 }, 4.0 / 7)]
    [TestCase("11121121", 3, new[] { 0, 3, 6 }, 9.0 / 14)]
    [TestCase("11111111", 1, new[] { 0 }, 1.0)]
    public void Worst_AreTheSamplesWithTheMostNoise_AndTellHowMuchLessAllHave(string samples, int count, int[] expected, double factor)
    {
        var run = new SampleRun([.. samples.Select((digit, index) => Handle(index, digit - '0'))], 2, null, CancellationToken.None);
        var reference = new OutputReference(Candidate(0), run);

        var (worst, factors) = reference.Worst(reference.Measure(Candidate(0.1f)), count);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(worst.Samples.Select(sample => int.Parse(sample.Id, CultureInfo.InvariantCulture)), Is.EqualTo(expected));
            Assert.That(factors.Single(), Is.EqualTo(factor).Within(1e-5));
        }
    }

    /// <summary>What is beyond the ranges that calibration saw is cut off: only where candidates are compared does that count.</summary>
    [TestCase(false, ExpectedResult = false)]
    [TestCase(true, ExpectedResult = true)]
    public bool Candidates_AreComparedOnSamplesThatNoCorrectionHasSeen(bool areOthers)
    {
        var random = new Random(3);
        var model = TinyModels.Build(13, [1, 4], (graph, input) =>
            graph.AddNode("Relu", [graph.AddNode("MatMul", [input, graph.AddInitializer("w", TensorData.Create<float>([4, 8], [.. Enumerable.Range(0, 32).Select(_ => random.NextSingle())]))], "m").Output], "y").Output);
        OnnxFile.Write(model, Path.Combine(_folder, "m.onnx"));
        foreach (var sample in Enumerable.Range(0, 40))
        {
            Write(sample.ToString("d2", CultureInfo.InvariantCulture) + ".npy", 1);
        }

        var request = new QuantizationRequest(Path.Combine(_folder, "m.onnx"), _folder, new() { CalibrationData = ["*.npy"], Format = ModelFormat.Qdq }, 2);
        var job = PreparedRequest.Open(request, new StageClock(), null, CancellationToken.None);
        var search = new PrecisionSearch(job, job.Observe(job.Wanted));
        foreach (var sample in (areOthers ? job.Data.Comparing : job.Data.Correcting).Samples)
        {
            Write(sample.Id.Split('#')[0], 100);
        }

        Assert.That(Directory.GetFiles(_folder, "*.npy"), Has.Length.EqualTo(40));

        search.Find(job.Wanted);
        return search.Steps is not null;

        void Write(string name, float size) =>
            NpyFile.Write(Path.Combine(_folder, name), TensorData.Create<float>([1, 4], [.. Enumerable.Range(0, 4).Select(_ => size * random.NextSingle())]));
    }

    /// <summary>Adds an error to what is above 1, that many times as large.</summary>
    private static Model Candidate(float error) => TinyModels.Build(13, [1], (graph, input) =>
    {
        var above = graph.AddNode("Relu", [graph.AddNode("Sub", [input, graph.AddInitializer("one", TensorData.Scalar(1f))], "difference").Output], "above").Output;
        return graph.AddNode("Add", [input, graph.AddNode("Mul", [above, graph.AddInitializer("error", TensorData.Scalar(error))], "noise").Output], "y").Output;
    });

    private static SampleHandle Handle(int index, int value)
    {
        var id = index.ToString(CultureInfo.InvariantCulture);
        return new(id, null, () => new Sample(id, new(ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1], [value]))), null));
    }
}
