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
    [TestCase("a.txt", null)]
    [TestCase("png", null)]
    public void Find_FileName_GivesItsFormat(string file, string? format) =>
        Assert.That(SampleFormats.Find($"/data/{file}")?.Name, Is.EqualTo(format));

    [Test]
    public void All_Rows_HaveAnExampleInTheDocumentation()
    {
        var page = File.ReadAllText(RepositoryFiles.PathOf("docs/data.md"));

        Assert.That(SampleFormats.All.Where(format => !page.Contains($"## {format.Name}", StringComparison.OrdinalIgnoreCase)), Is.Empty);
    }

    [Test]
    public void Known_AllRows_AreNamed() =>
        Assert.That(SampleFormats.All.Where(format => !SampleFormats.Known.Contains(format.Description, StringComparison.Ordinal)), Is.Empty);
}
