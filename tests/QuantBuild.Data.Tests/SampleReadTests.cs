using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class SampleReadTests
{
    [Test]
    public void Read_NpyThatBecameShorter_IsUnreadable()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("x.npy", FileBytes.Npy("<f4", [2, 1], 1f, 2f));
        var set = Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 1), "x.npy");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^2]);

        Assert.That(Samples.ErrorOf(() => set.Read(1)).Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
    }

    /// <summary>Of two damaged files it is the first that is named, whichever thread comes to it.</summary>
    [TestCase(1)]
    [TestCase(8)]
    public void ContentHashes_FilesThatBecameShorter_AreUnreadable(int threads)
    {
        using var folder = new TemporaryFolder();
        string[] paths = [.. Enumerable.Range(0, 6).Select(index => folder.Write($"x{index}.npy", FileBytes.Npy("<f4", [2, 1], 1f, 2f)))];
        var set = Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 1), "*.npy");
        foreach (var path in paths[4..])
        {
            File.WriteAllBytes(path, File.ReadAllBytes(path)[..^2]);
        }

        var error = Samples.ErrorOf(() => set.ContentHashes(threads));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.Contain("x4.npy"));
        }
    }

    [Test]
    public void Read_FromManyThreads_GivesTheSameSamples()
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.npy", FileBytes.Npy("<f4", [200, 2], [.. Enumerable.Range(0, 400).Select(i => (float)i)]));
        var set = Samples.Open(folder, Samples.Input("x", ElementType.Float, null, 2), "x.npy");
        var firsts = new float[200];

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => firsts[i] = set.Read(i).Inputs["x"].ToFloats()[0]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(firsts, Is.EqualTo(Enumerable.Range(0, 200).Select(i => 2f * i)));
            Assert.That(set.ContentHashes(8), Is.EqualTo(set.ContentHashes(1)).And.Unique);
        }
    }
}
