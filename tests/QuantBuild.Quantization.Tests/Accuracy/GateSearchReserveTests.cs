using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

/// <summary>What a search takes again, with a metric that is given: what each product costs is known.</summary>
internal sealed class GateSearchReserveTests
{
    private const int Width = 16;
    private const int SampleCount = 24;

    private readonly TinyModels _tiny = new();
    private string _folder = "";

    [SetUp]
    public void CreateFiles()
    {
        _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        Directory.CreateDirectory(Path.Combine(_folder, "calibration"));
        for (var index = 0; index < SampleCount; index++)
        {
            NpyFile.Write(Path.Combine(_folder, "calibration", index.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), _tiny.Random(1, Width));
        }
    }

    [TearDown]
    public void DeleteFiles() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// The one that harms least by the outputs, and so is given up last, is the only one that the limit does not allow. Without it the others cost .004 each, and
    /// those are taken again for which two standard errors are left: .004 + .004 + 2 · .001 are within the limit.
    /// </summary>
    [TestCase(0.001, 2)]
    [TestCase(0.003, 1)]
    [TestCase(0.0045, 0)]
    public void FormsAreTakenAgain_AsFarAsTwoStandardErrorsAreLeft(double standardError, int expected)
    {
        const int Products = 5;
        OnnxFile.Write(
            TinyModels.Build(13, [1, Width], (graph, x) => graph.AddNode("Concat", [.. Enumerable.Range(0, Products).Select(index =>
            {
                var weights = _tiny.Random(Width, Width + index).ToFloats();
                return graph.AddNode("MatMul", [x, graph.AddInitializer($"w{index}", TensorData.Create<float>([Width, Width + index], [.. weights.Select(weight => weight * (index == 0 ? 0.1f : 10f))]))], $"m{index}").Output;
            })], "y").Set("axis", 1L).Output),
            Path.Combine(_folder, "tiny.onnx"));
        var settings = new QuantizationSettings
        {
            CalibrationData = ["calibration"],
            Format = ModelFormat.Qdq,
            Target = TargetName.Arm64,
            MaxAccuracyDrop = 0.01,
        };
        var job = PreparedRequest.Open(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2), new StageClock(), null, CancellationToken.None);
        var search = new PrecisionSearch(job, job.Observe(job.Wanted));
        search.Find(job.Wanted);

        var found = new GateSearch(search, settings, 0.01, Judge, SampleCount).Run();

        Assert.That(QuantizedWidths(found.Planned!.Model).Count(), Is.EqualTo(expected));

        static IEnumerable<long> QuantizedWidths(Model model) =>
            model.Graph.Nodes.Where(node => node.Is("MatMul")).Select(node => node.Input(1)!.Producer).OfType<Node>().Select(node => node.Inputs[0]!.Constant!.Dimensions[1]);

        AccuracyReport Judge(Model model)
        {
            var drop = QuantizedWidths(model).Sum(width => width == Width ? 0.012 : 0.004);
            return new("top1", 1, 1 - drop, drop, SampleCount) { Source = AccuracySource.EvaluationData, StandardError = standardError };
        }
    }
}
