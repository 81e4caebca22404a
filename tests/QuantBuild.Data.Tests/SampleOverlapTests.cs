using QuantBuild.Onnx;

namespace QuantBuild.Data.Tests;

internal sealed class SampleOverlapTests
{
    [Test]
    public void Find_EqualContentUnderOtherNames_NamesBothSamples()
    {
        using var folder = new TemporaryFolder();
        folder.Write("calibration/0/a.png", FileBytes.Png(1, 1, 1));
        folder.Write("calibration/0/b.png", FileBytes.Png(1, 1, 2));
        folder.Write("evaluation/1/c.png", FileBytes.Png(1, 1, 2));
        folder.Write("evaluation/1/d.png", FileBytes.Png(1, 1, 3));

        var shared = SampleOverlap.Find(Open(folder, "calibration"), Open(folder, "evaluation"), threads: 1);

        Assert.That(shared.Select(pair => (pair.First.Id, pair.Second.Id)), Is.EqualTo(new[] { ("calibration/0/b.png", "evaluation/1/c.png") }));
    }

    [Test]
    public void Find_SlicesOfArrays_AreComparedOneByOne()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.npy", FileBytes.Npy("<f4", [3, 1], 1f, 2f, 3f));
        folder.Write("b.npy", FileBytes.Npy("<f4", [2, 1], 4f, 3f));
        var input = Samples.Input("x", ElementType.Float, null, 1);

        var shared = SampleOverlap.Find(Samples.Open(folder, input, "a.npy"), Samples.Open(folder, input, "b.npy"), threads: 2);

        Assert.That(shared.Select(pair => (pair.First.Id, pair.Second.Id)), Is.EqualTo(new[] { ("a.npy#2", "b.npy#1") }));
    }

    [Test]
    public void Find_DifferentContent_IsEmpty()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a/1.png", FileBytes.Png(1, 1, 1));
        folder.Write("b/1.png", FileBytes.Png(1, 1, 2));

        Assert.That(SampleOverlap.Find(Open(folder, "a"), Open(folder, "b"), threads: 1), Is.Empty);
    }

    private static SampleSet Open(TemporaryFolder folder, string pattern) =>
        Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 1, 1, 1), pattern);
}
