using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class DataFilesTests
{
    private static readonly InputSpecification Pixel = Samples.Input("x", ElementType.Float, null, 1, 1, 1);

    [TestCase("data", 5)]
    [TestCase("data/", 5)]
    [TestCase("data\\3", 2)]
    [TestCase("data/**", 5)]
    [TestCase("data/**/*", 5)]
    [TestCase("data/**/*.png", 5)]
    [TestCase("data/*/*.png", 3)]
    [TestCase("data/*", 1)]
    [TestCase("data/?/?.PNG", 2, Description = "without regard to case, on every system")]
    [TestCase("data/**/deep/*.png", 1)]
    [TestCase("**/3/**/*.png", 2)]
    [TestCase("*/3/a.*", 1)]
    [TestCase("data/3/a.png", 1)]
    public void Open_Pattern_FindsItsFiles(string pattern, int count)
    {
        using var folder = Samples.Tree();

        Assert.That(Samples.Open(folder, Pixel, pattern).Count, Is.EqualTo(count));
    }

    [Test]
    public void Open_AbsolutePattern_IsTheSameAsARelativeOne()
    {
        using var folder = Samples.Tree();

        var absolute = Samples.Open(folder, Pixel, Path.Combine(folder.Path, "data", "**", "*.png"));

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(absolute.Files, Is.EqualTo(Samples.Open(folder, Pixel, "data/**/*.png").Files));
                Assert.That(absolute[1].Id, Is.EqualTo("data/12/deep/c.png"));
            }
        }
    }

    [Test]
    public void Open_SeveralPatterns_SortsFilesAndCountsEachOnce()
    {
        using var folder = Samples.Tree();

        var set = Samples.Open(folder, Pixel, "data/3/b.png", "data/**/*.png", "data/12/b.png");
        var turned = Samples.Open(folder, Pixel, "data/12/b.png", "data/**/*.png", "data/3/b.png");

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(set.Count, Is.EqualTo(5));
                Assert.That(set.Files, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.Unique);
                Assert.That(Enumerable.Range(0, 5).Select(i => set[i]), Is.EqualTo(Enumerable.Range(0, 5).Select(i => turned[i])));
            }
        }
    }

    [Test]
    public void Open_FileNamedLikeAPattern_IsThatFile()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a[1].png", FileBytes.Png(1, 1, 1));

        Assert.That(Samples.Open(folder, Pixel, "a[1].png").Count, Is.EqualTo(1));
    }

    [Test]
    public void Open_LinkToAFolderAbove_Ends()
    {
        using var folder = Samples.Tree();
        try
        {
            Directory.CreateSymbolicLink(Path.Combine(folder.Path, "data", "3", "loop"), Path.Combine(folder.Path, "data"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Assert.Ignore("This system does not let the test make links.");
        }

        Assert.That(Samples.Open(folder, Pixel, "data").Count, Is.EqualTo(5));
    }

    [Test]
    public void Open_NotesAndHiddenFilesInAFolder_AreNoData()
    {
        using var folder = Samples.Images("a.png");
        foreach (var name in new[] { "LICENSE", "README.md", "notes.txt", ".DS_Store", ".cache/x.png", "Thumbs.db", "._a.png" })
        {
            folder.Write(name, "no data");
        }

        var set = Samples.Open(folder, Pixel, ".");

        Assert.That(set.Files.Select(Path.GetFileName), Is.EqualTo(new[] { "a.png" }));
    }

    [TestCase("notes.txt", "notes.txt")]
    [TestCase("x.tiff", "x.tiff")]
    [TestCase("x.tiff", ".")]
    [TestCase("x.tiff", "*.tiff")]
    [TestCase("x.png.gz", "*")]
    public void Open_UnknownFormat_ListsTheKnownOnes(string file, string pattern)
    {
        using var folder = new TemporaryFolder();
        folder.Write(file, "?");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, pattern));

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnknownDataFormat));
                Assert.That(error.Message, Does.StartWith($"{file}: the format").And.Contain(Formats.SampleFormats.Known));
            }
        }
    }

    [TestCase("missing.png", "no file or folder missing.png")]
    [TestCase("missing/*.png", "the folder missing does not exist")]
    [TestCase("data/*.jpg", "nothing in data fits it")]
    [TestCase("notes/*.txt", "it finds notes/a.txt, which are no data")]
    public void Open_PatternWithoutSamples_SaysWhy(string pattern, string reason)
    {
        using var folder = Samples.Tree();
        folder.Write("notes/a.txt", "no data");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "data/3", pattern));

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.NoSamples));
                Assert.That(error.Message, Does.StartWith($"The data '{pattern}' matches no sample: ").And.Contain(reason));
            }
        }
    }
}
