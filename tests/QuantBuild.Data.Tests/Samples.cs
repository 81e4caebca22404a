using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

/// <summary>Short ways to sample sets for the tests.</summary>
internal static class Samples
{
    public static InputSpecification Input(string name, ElementType type, params long?[] dimensions) => new(name, type, [.. dimensions]);

    public static SampleSet Open(TemporaryFolder folder, InputSpecification input, params string[] patterns) =>
        Open(folder, ImagePreprocessing.FromModel, input, patterns);

    public static SampleSet Open(TemporaryFolder folder, ImagePreprocessing preprocessing, InputSpecification input, params string[] patterns) =>
        SampleSet.Open(new SampleSetRequest([.. patterns], folder.Path, [input], preprocessing));

    /// <summary>The only tensor of the only sample in a file.</summary>
    public static TensorData ReadOne(string name, byte[] content, InputSpecification input, ImagePreprocessing? preprocessing = null)
    {
        using var folder = new TemporaryFolder();
        folder.Write(name, content);
        var set = Open(folder, preprocessing ?? ImagePreprocessing.FromModel, input, name);
        return set.Read(0).Inputs[input.Name];
    }

    /// <summary>What the user is told; fails where there is no such error.</summary>
    public static QuantBuildException ErrorOf(Action action)
    {
        var error = Assert.Throws<QuantBuildException>(() => action());
        Assert.That(error.Message, Does.Not.Contain('\n'));
        return error;
    }
}
