using QuantBuild.Data.Formats;

namespace QuantBuild.Data.Tests;

internal sealed class SampleFormatsTests
{
    [TestCase("a.PNG", "image")]
    [TestCase("a.jpg", "image")]
    [TestCase("a.jpeg", "image")]
    [TestCase("a.bmp", "image")]
    [TestCase("a.npz", "npz")]
    [TestCase("a.npy", "npy")]
    [TestCase("a.csv", "manifest")]
    [TestCase("train-images-idx3-ubyte", "IDX")]
    [TestCase("train-labels.idx1-ubyte", "IDX")]
    [TestCase("a.idx", "IDX")]
    [TestCase("input_0.pb", "ONNX test data")]
    [TestCase("output_12.pb", "ONNX test data")]
    [TestCase("input_x.pb", null)]
    [TestCase("a.txt", null)]
    [TestCase("png", null)]
    public void Find_FileName_GivesItsFormat(string file, string? format) =>
        Assert.That(SampleFormats.Find($"/data/{file}")?.Name, Is.EqualTo(format));

    [Test]
    public void Known_AllRows_AreNamed() =>
        Assert.That(SampleFormats.All.Where(format => !SampleFormats.Known.Contains(format.Description, StringComparison.Ordinal)), Is.Empty);
}
