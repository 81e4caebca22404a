using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class ManifestTests
{
    private static readonly InputSpecification Pixel = Samples.Input("x", ElementType.Float, null, 1, 1, 1);

    [Test]
    public void Read_FilesAndLabels_AreRelativeToTheManifest()
    {
        using var folder = Folder("file,label\nb/1.png,4\n\"a/2,0.png\",0\n");
        folder.Write("set/a/2,0.png", FileBytes.Png(1, 1, 51));

        var set = Samples.Open(folder, Pixel, "set/list.csv");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Count, Is.EqualTo(2));
            Assert.That((set[0].Id, set[0].Label), Is.EqualTo(("set/a/2,0.png", 0.0)));
            Assert.That((set[1].Id, set[1].Label), Is.EqualTo(("set/b/1.png", 4.0)));
            Assert.That(set.Read(0).Inputs["x"].ToFloats(), Is.EqualTo(new[] { 51 / 255f }));
            Assert.That(set.Files.Select(file => Path.GetRelativePath(folder.Path, file).Replace('\\', '/')), Is.EqualTo(new[] { "set/a/2,0.png", "set/b/1.png", "set/list.csv" }));
        }
    }

    [TestCase("\uFEFFfile,label\r\nb/1.png,4\r\n", 4)]
    [TestCase("name,Label,FILE\nx, 4 , b/1.png \n\n", 4)]
    [TestCase("file,label\nb\\1.png,-0.25", -0.25)]
    [TestCase("file,label\nb/1.png,1e-3", 1e-3)]
    [TestCase("file\nb/1.png", null)]
    [TestCase("file,note\nb/1.png,\"two\nlines \"\"quoted\"\"\"\n", null)]
    [TestCase("file,label\nb/1.png,4\nb/1.png,4\n", 4, Description = "counted once")]
    public void Read_Spellings_GiveTheSample(string manifest, double? label)
    {
        using var folder = Folder(manifest);

        var set = Samples.Open(folder, Pixel, "set/list.csv");

        Assert.That((set.Count, set[0].Id, set[0].Label), Is.EqualTo((1, "set/b/1.png", label)));
    }

    [Test]
    public void Read_FilesInAFolderOfTheManifestsName_AreFound()
    {
        using var folder = new TemporaryFolder();
        folder.Write("eval.csv", "file,label\ncat/1.png,4\n");
        folder.Write("eval/cat/1.png", FileBytes.Png(1, 1, 51));

        Assert.That(Samples.Open(folder, Pixel, "eval.csv")[0].Id, Is.EqualTo("eval/cat/1.png"));
    }

    [TestCase("a.npy", ElementType.Float, new long[] { 1, 2, 1, 2 })]
    [TestCase("b.npy", ElementType.Float, new long[] { 1, 2, 1, 2 })]
    public void Read_ListedNpy_IsOneSampleWithOrWithoutItsBatchDimension(string file, ElementType type, long[] expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.npy", FileBytes.Npy("<f4", [2, 1, 2], 1f, 2f, 3f, 4f));
        folder.Write("b.npy", FileBytes.Npy("<f4", [1, 2, 1, 2], 1f, 2f, 3f, 4f));
        folder.Write("list.csv", $"file,label\n{file},1");

        var set = Samples.Open(folder, Samples.Input("x", type, null, 2, 1, 2), "list.csv");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((set.Count, set[0].Id), Is.EqualTo((1, file)));
            Assert.That(set.Read(0).Inputs["x"].Dimensions, Is.EqualTo(expected));
        }
    }

    [Test]
    public void Read_ListedNpz_KeepsItsOwnLabelUnlessTheManifestHasOne()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.npz", FileBytes.Npz(("x", FileBytes.Npy("<f4", [1], 1f)), ("label", FileBytes.Npy("<i4", [], 3))));
        folder.Write("plain.csv", "file\na.npz");
        folder.Write("labelled.csv", "file,label\na.npz,5");
        var input = Samples.Input("x", ElementType.Float, 1);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Samples.Open(folder, input, "plain.csv")[0].Label, Is.EqualTo(3));
            Assert.That(Samples.Open(folder, input, "labelled.csv")[0].Label, Is.EqualTo(5));
        }
    }

    [Test]
    public void Read_FileAlsoFoundByAPattern_IsOneSampleWithTheManifestsLabel()
    {
        using var folder = Folder("file,label\nb/1.png,4\n");

        var set = Samples.Open(folder, Pixel, "set/**/*.png", "set/list.csv");

        Assert.That((set.Count, set[0].Label), Is.EqualTo((1, 4.0)));
    }

    [TestCase("path,label\nb/1.png,4", 1, "path,label")]
    [TestCase("", 1, "file,label")]
    [TestCase("file,label\nb/1.png,4\n\nb/9.png,4", 4, "b/9.png")]
    [TestCase("file,label\nb/1.png", 2, "1 fields")]
    [TestCase("file,label\n,3", 2, "lacks")]
    [TestCase("file\nlist.csv", 2, "neither an image")]
    [TestCase("file\nb", 2, "does not exist")]
    [TestCase("file\nb/1\0.png", 2, "does not exist")]
    [TestCase("file,label\nb/1.png,4\nb/1.png,5", 3, "remove one of the lines")]
    public void Open_BadManifest_NamesTheLine(string manifest, int line, string message)
    {
        using var folder = Folder(manifest);

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "set/list.csv"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidManifest));
            Assert.That(error.Message, Does.StartWith($"set/list.csv({line}): ").And.Contain(message));
        }
    }

    [TestCase("")]
    [TestCase("cat")]
    [TestCase("9999999999")]
    [TestCase("nan")]
    [TestCase("1e999")]
    public void Open_BadLabel_NamesTheLine(string label)
    {
        using var folder = Folder($"file,label\nb/1.png,{label}\n");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "set/list.csv"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
            Assert.That(error.Message, Does.StartWith($"set/list.csv(2): the label is '{label}'"));
        }
    }

    [Test]
    public void Open_HeaderAlone_IsNoSample()
    {
        using var folder = Folder("file,label\n");

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Pixel, "set/list.csv")).Code, Is.EqualTo(DiagnosticCodes.NoSamples));
    }

    private static TemporaryFolder Folder(string manifest)
    {
        var folder = new TemporaryFolder();
        folder.Write("set/list.csv", manifest);
        folder.Write("set/b/1.png", FileBytes.Png(1, 1, 255));
        return folder;
    }
}
