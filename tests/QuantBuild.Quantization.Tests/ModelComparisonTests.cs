using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Quantization.Tests;

/// <summary>Two models that are not one before and after.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ModelComparisonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestCase("x", "z", "other.onnx: the model has no output 'y', as float.onnx has; it has 'z'.")]
    [TestCase("w", "y", "float.onnx: the model has no input 'w', as other.onnx has; it has 'x'.")]
    public void OtherNames_AreQB2007_BeforeAnythingRuns(string input, string output, string message)
    {
        Write("float.onnx", "x", "y");
        Write("other.onnx", input, output);

        var exception = Assert.Throws<QuantBuildException>(() => Compare("float.onnx", "other.onnx"))!;

        Assert.That(
            (exception.Code, exception.Message.Replace(_folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)),
            Is.EqualTo((DiagnosticCodes.ModelsDiffer, $"{message} What is compared is one model before and after, with the same inputs and outputs.")));
    }

    [Test]
    public void SameNames_AreCompared()
    {
        Write("float.onnx", "x", "y");
        Write("other.onnx", "x", "y");
        NpyFile.Write(Path.Combine(_folder, "data.npy"), TensorData.Create<float>([2, 2], [1, 2, 3, 4]));

        Assert.That(Compare("float.onnx", "other.onnx").Accuracy, Has.Property("Samples").EqualTo(2));
    }

    /// <summary>As a model and what a converter made of it.</summary>
    [Test]
    public void OtherPrecisionOfAnInput_IsQB2007()
    {
        Write("float.onnx", "x", "y");
        Write("other.onnx", "x", "y", ElementType.Float16);

        var exception = Assert.Throws<QuantBuildException>(() => Compare("float.onnx", "other.onnx"))!;

        using (Assert.EnterMultipleScope())
        {
            Assert.That(exception.Code, Is.EqualTo(DiagnosticCodes.ModelsDiffer));
            Assert.That(exception.Message, Does.Contain("other.onnx: the input 'x' takes float16, and float32 in "));
        }
    }

    private Reports.QuantizationReport Compare(string model, string other) => ModelComparison.Compare(
        new(Path.Combine(_folder, model), Path.Combine(_folder, other), _folder, new() { EvaluationData = ["data.npy"] }, 1), null, CancellationToken.None);

    private void Write(string name, string input, string output, ElementType type = ElementType.Float)
    {
        var model = Model.Create("m", 17);
        var value = model.Graph.AddInput(input);
        value.Declare(type, [null, 2]);
        var node = model.Graph.AddNode("Relu", [value], output);
        node.Output.Declare(type, [null, 2]);
        model.Graph.AddOutput(node.Output);
        OnnxFile.Write(model, Path.Combine(_folder, name));
    }
}
