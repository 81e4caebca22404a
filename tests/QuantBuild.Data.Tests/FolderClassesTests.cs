using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class FolderClassesTests
{
    private static readonly InputSpecification Pixel = Samples.Input("x", ElementType.Float, null, 1, 1, 1);

    [Test]
    public void ClassOf_FoldersNamedByIntegers_AreTheIntegers()
    {
        using var folder = Samples.Tree();

        var set = Samples.Open(folder, Pixel, "data/**/*.png");

        Assert.That(
            Enumerable.Range(0, 5).Select(i => (set[i].Id, set[i].Label)),
            Is.EqualTo(new (string, double?)[]
            {
                ("data/12/b.png", 12), ("data/12/deep/c.png", 12), ("data/3/a.png", 3), ("data/3/b.png", 3), ("data/top.png", null),
            }));
    }

    [Test]
    public void ClassOf_FoldersWithNames_AreOrdinalRanks()
    {
        using var folder = Samples.Images("cat/1.png", "Zebra/1.png", "dog/1.png", "10/1.png");

        var set = Samples.Open(folder, Pixel, ".");

        Assert.That(Enumerable.Range(0, 4).Select(i => (set[i].Id, set[i].Label)), Is.EqualTo(new (string, double?)[] { ("10/1.png", 0), ("Zebra/1.png", 1), ("cat/1.png", 2), ("dog/1.png", 3) }));
    }

    [TestCase("d*/*.png", "dog/1.png", 1)]
    [TestCase("*/2.png", "dog/2.png", 1)]
    public void ClassOf_PatternThatLeavesFoldersOut_KeepsTheClasses(string pattern, string id, double label)
    {
        using var folder = Samples.Images("cat/1.png", "dog/1.png", "dog/2.png");
        folder.Write("annotations/a.txt", "no data");

        var set = Samples.Open(folder, Pixel, pattern);

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(set[set.Count - 1].Id == id || set[0].Id == id, Is.True);
                Assert.That(set[set.Count - 1].Label, Is.EqualTo(label));
            }
        }
    }

    [Test]
    public void ClassOf_FolderGivenAsTheRoot_IsNone()
    {
        using var folder = Samples.Tree();

        Assert.That(Samples.Open(folder, Pixel, "data/3")[0].Label, Is.Null);
    }

    [Test]
    public void ClassOf_FolderNumberBeyondInt_IsALabelError()
    {
        using var folder = Samples.Images("1/1.png", "99999999999/1.png");

        var error = Samples.ErrorOf(() => Samples.Open(folder, Pixel, "."));

        using (Assert.EnterMultipleScope())
        {
            using (Assert.EnterMultipleScope())
            {
                Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
                Assert.That(error.Message, Does.Contain("99999999999"));
            }
        }
    }

    [Test]
    public void ClassOf_TwoPatternsWithDifferentClasses_IsALabelError()
    {
        using var folder = Samples.Images("data/1/2/a.png");

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Pixel, "data", "data/1")).Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
    }

    [Test]
    public void ClassOf_NpzInFolders_IsNotTheFolder()
    {
        using var folder = new TemporaryFolder();
        folder.Write("3/a.npz", FileBytes.Npz(("x", FileBytes.Npy("<f4", [1, 1, 1, 1], 1f))));

        Assert.That(Samples.Open(folder, Pixel, "**/*.npz")[0].Label, Is.Null);
    }
}
