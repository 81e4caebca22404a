using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class SampleSetTests
{
    private static readonly InputSpecification Pixel = Samples.Input("x", ElementType.Float, null, 1, 1, 1);

    [Test]
    public void Open_NoPattern_IsNoSample()
    {
        using var folder = new TemporaryFolder();

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Pixel)).Code, Is.EqualTo(DiagnosticCodes.NoSamples));
    }

    [Test]
    public void Open_ImagesForTwoInputs_PointsToNpz()
    {
        using var folder = Samples.Tree();
        var request = new SampleSetRequest(["data"], folder.Path, [Pixel, Pixel with { Name = "y" }], ImagePreprocessing.FromModel);

        Assert.That(Samples.ErrorOf(() => SampleSet.Open(request)).Code, Is.EqualTo(DiagnosticCodes.SampleInput));
    }

    [Test]
    public void Read_FileThatIsGone_IsUnreadable()
    {
        using var folder = Samples.Images("a.png");
        var set = Samples.Open(folder, Pixel, "a.png");
        File.Delete(Path.Combine(folder.Path, "a.png"));

        var error = Samples.ErrorOf(() => set.Read(0));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.StartWith("a.png: the file cannot be read"));
        }
    }

    [Test]
    public void Open_ThousandsOfImages_TakesLittleTimeAndOpensNone()
    {
        using var folder = new TemporaryFolder();
        foreach (var i in Enumerable.Range(0, 3000))
        {
            folder.Write($"{i % 10}/{i}.png", []);
        }

        var watch = System.Diagnostics.Stopwatch.StartNew();
        var set = Samples.Open(folder, Pixel, "**/*.png");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Count, Is.EqualTo(3000));
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)));
        }
    }
}
