using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Tests;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ModelWarningsTests : IDisposable
{
    private readonly TinyModels _tiny = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void ValuesThatAreNotFinite_AreQB2031_WithTheirFirstSample()
    {
        for (var index = 0; index < 12; index++)
        {
            var elements = _tiny.Random(1, 16).ToFloats();
            elements[3] = index is 5 or 8 or 11 ? float.NaN : elements[3];
            NpyFile.Write(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{index:d2}.npy")), TensorData.Create<float>([1, 16], elements));
        }

        var model = TinyModels.Build(13, [1, 16], (graph, x) => graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(16, 8))], "y").Output);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
        var request = new QuantizationRequest(Path.Combine(_folder, "tiny.onnx"), _folder, new() { CalibrationData = ["*.npy"], Format = Settings.ModelFormat.Qdq }, 2) { MeasuresLatency = false };

        var report = ModelQuantizer.Quantize(request, null, CancellationToken.None).Report;

        Assert.That(
            report.Diagnostics.Single(diagnostic => diagnostic.Code == DiagnosticCodes.NotFinite).Message, Does.Contain("the first 'x' on the sample 05.npy#0; they were left out"));
    }
}
