using QuantBuild.Data.Formats;

namespace QuantBuild.Data.Tests;

/// <summary>docs/data.md says what the tables say.</summary>
internal sealed class DataPageTests
{
    private static string Page { get; } = File.ReadAllText(RepositoryFiles.PathOf("docs/data.md"));

    [Test]
    public void Formats_AllRows_HaveASection() =>
        Assert.That(SampleFormats.All.Select(format => format.Name).Where(name => !Page.Contains($"## {name}", StringComparison.OrdinalIgnoreCase)), Is.Empty);

    [TestCase(typeof(ResizeMode))]
    [TestCase(typeof(CropMode))]
    [TestCase(typeof(ChannelOrder))]
    [TestCase(typeof(TensorLayout))]
    public void Preprocessing_AllWords_AreListed(Type words) =>
        Assert.That(Enum.GetNames(words).Where(word => !Page.Contains($"`{word}`", StringComparison.Ordinal)), Is.Empty);

    [Test]
    public void Preprocessing_AllSettings_AreListed() =>
        Assert.That(
            typeof(ImagePreprocessing).GetProperties().Where(property => property.SetMethod is not null)
                .Select(property => property.Name == nameof(ImagePreprocessing.Size) ? "ImageSize" : property.Name)
                .Where(name => !Page.Contains($"| `{name}` |", StringComparison.Ordinal)),
            Is.Empty);
}
