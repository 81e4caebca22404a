using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class SampleSetTests
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
        using var folder = Tree();

        Assert.That(Samples.Open(folder, Pixel, pattern).Count, Is.EqualTo(count));
    }

    [Test]
    public void Open_AbsolutePattern_IsTheSameAsARelativeOne()
    {
        using var folder = Tree();

        var absolute = Samples.Open(folder, Pixel, Path.Combine(folder.Path, "data", "**", "*.png"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(absolute.Files, Is.EqualTo(Samples.Open(folder, Pixel, "data/**/*.png").Files));
            Assert.That(absolute[1].Id, Is.EqualTo("data/12/deep/c.png"));
        }
    }

    [Test]
    public void Open_SeveralPatterns_SortsFilesAndCountsEachOnce()
    {
        using var folder = Tree();

        var set = Samples.Open(folder, Pixel, "data/3/b.png", "data/**/*.png", "data/12/b.png");
        var turned = Samples.Open(folder, Pixel, "data/12/b.png", "data/**/*.png", "data/3/b.png");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Count, Is.EqualTo(5));
            Assert.That(set.Files, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.Unique);
            Assert.That(Enumerable.Range(0, 5).Select(i => set[i]), Is.EqualTo(Enumerable.Range(0, 5).Select(i => turned[i])));
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
        using var folder = Tree();
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
    public void Label_FoldersNamedByIntegers_AreTheIntegers()
    {
        using var folder = Tree();

        var set = Samples.Open(folder, Pixel, "data/**/*.png");

        Assert.That(
            Enumerable.Range(0, 5).Select(i => (set[i].Id, set[i].Label)),
            Is.EqualTo(new (string, double?)[]
            {
                ("data/12/b.png", 12), ("data/12/deep/c.png", 12), ("data/3/a.png", 3), ("data/3/b.png", 3), ("data/top.png", null),
            }));
    }

    [Test]
    public void Label_FoldersWithNames_AreOrdinalRanks()
    {
        using var folder = Images("cat/1.png", "Zebra/1.png", "dog/1.png", "10/1.png");

        var set = Samples.Open(folder, Pixel, ".");

        Assert.That(Enumerable.Range(0, 4).Select(i => (set[i].Id, set[i].Label)), Is.EqualTo(new (string, double?)[] { ("10/1.png", 0), ("Zebra/1.png", 1), ("cat/1.png", 2), ("dog/1.png", 3) }));
    }

    [TestCase("d*/*.png", "dog/1.png", 1)]
    [TestCase("*/2.png", "dog/2.png", 1)]
    public void Label_PatternThatLeavesFoldersOut_KeepsTheClasses(string pattern, string id, double label)
    {
        using var folder = Images("cat/1.png", "dog/1.png", "dog/2.png");
        folder.Write("annotations/a.txt", "no data");

        var set = Samples.Open(folder, Pixel, pattern);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set[set.Count - 1].Id == id || set[0].Id == id, Is.True);
            Assert.That(set[set.Count - 1].Label, Is.EqualTo(label));
        }
    }

    [Test]
    public void Label_FolderGivenAsTheRoot_IsNone()
    {
        using var folder = Tree();

        Assert.That(Samples.Open(folder, Pixel, "data/3")[0].Label, Is.Null);
    }

    [Test]
    public void Label_FolderNumberBeyondInt_IsALabelError()
    {
        using var folder = Images("1/1.png", "99999999999/1.png");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "."));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
            Assert.That(error.Message, Does.Contain("99999999999"));
        }
    }

    [Test]
    public void Label_TwoPatternsWithDifferentClasses_IsALabelError()
    {
        using var folder = Images("data/1/2/a.png");

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Pixel, "data", "data/1")).Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
    }

    [Test]
    public void Label_NpzInFolders_IsNotTheFolder()
    {
        using var folder = new TemporaryFolder();
        folder.Write("3/a.npz", FileBytes.Npz(("x", FileBytes.Npy("<f4", [1, 1, 1, 1], 1f))));

        Assert.That(Samples.Open(folder, Pixel, "**/*.npz")[0].Label, Is.Null);
    }

    [Test]
    public void Open_NotesAndHiddenFilesInAFolder_AreNoData()
    {
        using var folder = Images("a.png");
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
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnknownDataFormat));
            Assert.That(error.Message, Does.StartWith($"{file}: the format").And.Contain(Formats.SampleFormats.Known));
        }
    }

    [TestCase("missing.png", "no file or folder missing.png")]
    [TestCase("missing/*.png", "the folder missing does not exist")]
    [TestCase("data/*.jpg", "nothing in data fits it")]
    [TestCase("notes/*.txt", "it finds notes/a.txt, which are no data")]
    public void Open_PatternWithoutSamples_SaysWhy(string pattern, string reason)
    {
        using var folder = Tree();
        folder.Write("notes/a.txt", "no data");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "data/3", pattern));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.NoSamples));
            Assert.That(error.Message, Does.StartWith($"The data '{pattern}' matches no sample: ").And.Contain(reason));
        }
    }

    [Test]
    public void Open_NoPattern_IsNoSample()
    {
        using var folder = new TemporaryFolder();

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Pixel)).Code, Is.EqualTo(DiagnosticCodes.NoSamples));
    }

    [Test]
    public void Open_ImagesForTwoInputs_PointsToNpz()
    {
        using var folder = Tree();
        var request = new SampleSetRequest(["data"], folder.Path, [Pixel, Pixel with { Name = "y" }], ImagePreprocessing.FromModel);

        Assert.That(Samples.ErrorOf(() => SampleSet.Open(request)).Code, Is.EqualTo(DiagnosticCodes.SampleInput));
    }

    [Test]
    public void Read_FileThatIsGone_IsUnreadable()
    {
        using var folder = Images("a.png");
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
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(2)));
        }
    }

    private static TemporaryFolder Tree() => Images("data/3/a.png", "data/3/b.png", "data/12/b.png", "data/12/deep/c.png", "data/top.png");

    private static TemporaryFolder Images(params string[] names)
    {
        var folder = new TemporaryFolder();
        foreach (var (index, name) in names.Index())
        {
            folder.Write(name, FileBytes.Png(1, 1, (byte)index));
        }

        return folder;
    }
}
