using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class IdxTests
{
    private static readonly InputSpecification Grey = Samples.Input("x", ElementType.Float, null, 1, 1, 2);

    [TestCase("train-images-idx3-ubyte", "train-labels-idx1-ubyte")]
    [TestCase("train-images.idx3-ubyte", "train-labels.idx1-ubyte")]
    public void Read_Pair_GivesPixelsAndLabels(string images, string labels)
    {
        using var folder = new TemporaryFolder();
        folder.Write(images, FileBytes.Idx([2, 1, 2], 0, 51, 102, 255));
        folder.Write(labels, FileBytes.Idx([2], 7, 9));

        var set = Samples.Open(folder, Grey, images);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Read(1).Inputs["x"].ToFloats(), Is.EqualTo(new[] { 102 / 255f, 1 }));
            Assert.That((set.Read(1).Label, set[1].Label, set[0].Label), Is.EqualTo((9.0, 9.0, 7.0)));
            Assert.That(set[1].Id, Is.EqualTo($"{images}#1"));
            Assert.That(set.Files.Select(Path.GetFileName), Is.EqualTo(new[] { images, labels }));
        }
    }

    [Test]
    public void Read_Folder_TakesLabelsWithTheirImages()
    {
        using var folder = new TemporaryFolder();
        folder.Write("t10k-images-idx3-ubyte", FileBytes.Idx([1, 1, 2], 0, 51));
        folder.Write("t10k-labels-idx1-ubyte", FileBytes.Idx([1], 7));

        Assert.That(Samples.Open(folder, Grey, ".").Count, Is.EqualTo(1));
    }

    [Test]
    public void Read_ColourImages_GoThroughThePreprocessing()
    {
        using var folder = new TemporaryFolder();
        folder.Write("c.idx", FileBytes.Idx([1, 1, 2, 3], 10, 20, 30, 40, 50, 60));

        var set = Samples.Open(
            folder, new ImagePreprocessing { Scale = 1, ChannelOrder = ChannelOrder.Bgr, Mean = [30], Resize = ResizeMode.Stretch },
            Samples.Input("x", ElementType.Float, null, 3, 2, 2), "c.idx");

        using (Assert.EnterMultipleScope())
        {
            Assert.That(set.Read(0).Inputs["x"].ToFloats(), Is.EqualTo(new float[] { 0, 30, 0, 30, -10, 20, -10, 20, -20, 10, -20, 10 }));
            Assert.That(set[0].Label, Is.Null);
        }
    }

    [Test]
    public void Open_FewerLabelsThanImages_IsALabelError()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a-images-idx3-ubyte", FileBytes.Idx([2, 1, 2], 0, 51, 102, 255));
        folder.Write("a-labels-idx1-ubyte", FileBytes.Idx([1], 7));

        var error = Samples.ErrorOf(() => Samples.Open(folder, Grey, "a-images*"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidLabel));
            Assert.That(error.Message, Does.Contain("[1]").And.Contain("2 images"));
        }
    }

    [TestCase(new byte[] { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3 }, "truncated")]
    [TestCase(new byte[] { 0, 0, 8, 3, 0, 0 }, "truncated")]
    [TestCase(new byte[] { 0x1F, 0x8B, 8, 0, 0, 0 }, "gunzip")]
    [TestCase(new byte[] { 1, 2, 3, 4 }, "not an IDX file")]
    [TestCase(new byte[] { 0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1 }, "truncated")]
    public void Open_Damaged_IsUnreadable(byte[] content, string message)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.idx", content);

        var error = Samples.ErrorOf(() => Samples.Open(folder, Grey, "a.idx"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample));
            Assert.That(error.Message, Does.Contain(message));
        }
    }

    [Test]
    public void Open_OtherElements_PointsToNpy()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.idx", [0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0]);

        Assert.That(Samples.ErrorOf(() => Samples.Open(folder, Grey, "a.idx")).Code, Is.EqualTo(DiagnosticCodes.SampleType));
    }

    [Test]
    public void Open_Vectors_PointsToNpy()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.idx", FileBytes.Idx([1, 2], 1, 2));

        var error = Samples.ErrorOf(() => Samples.Open(folder, Grey, "a.idx"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleShape));
            Assert.That(error.Message, Does.Contain(".npy"));
        }
    }
}
