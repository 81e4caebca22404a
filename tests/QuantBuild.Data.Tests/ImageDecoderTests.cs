using System.IO.Hashing;
using QuantBuild.Data.Images;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class ImageDecoderTests
{
    /// <summary>In levels of 255. JPEG leaves the last bits of the cosine transform and the colour upsampling to the decoder.</summary>
    private const int JpegTolerance = 3;

    [TestCase("rgb.png")]
    [TestCase("grey.png")]
    [TestCase("rgba.png", Description = "alpha is dropped")]
    [TestCase("grey_alpha.png")]
    [TestCase("palette.png")]
    [TestCase("bits.png")]
    [TestCase("grey16.png", Description = "the upper byte is taken")]
    [TestCase("rgb.bmp")]
    [TestCase("palette.bmp")]
    public void Decode_Lossless_GivesPillowsPixels(string name)
    {
        var image = ImageDecoder.Decode(Fixture.Read($"images/{name}"), name);

        var expected = Fixture.Pixels($"images/{name}.npy");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((image.Width, image.Height, image.Channels), Is.EqualTo((expected.Width, expected.Height, expected.Channels)));
            Assert.That(image.Pixels, Is.EqualTo(expected.Pixels));
        }
    }

    [TestCase("baseline420.jpg")]
    [TestCase("baseline444.jpg")]
    [TestCase("progressive.jpg")]
    [TestCase("restart.jpg")]
    [TestCase("grey.jpg")]
    public void Decode_Jpeg_IsCloseToPillow(string name)
    {
        var image = ImageDecoder.Decode(Fixture.Read($"jpeg/{name}"), name);

        var expected = Fixture.Pixels($"jpeg/{name}.npy");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((image.Width, image.Height, image.Channels), Is.EqualTo((expected.Width, expected.Height, expected.Channels)));
            Assert.That(image.Pixels.Zip(expected.Pixels, (ours, theirs) => Math.Abs(ours - theirs)).Max(), Is.AtMost(JpegTolerance));
        }
    }

    [Test]
    public void Decode_WrongExtension_ReadsTheContent() =>
        Assert.That(ImageDecoder.Decode(Fixture.Read("jpeg/grey.jpg"), "x.png").Width, Is.EqualTo(60));

    [TestCase("images/rgb.png")]
    [TestCase("images/rgb.bmp")]
    [TestCase("jpeg/baseline420.jpg")]
    [TestCase("jpeg/progressive.jpg")]
    public void Decode_Truncated_IsAnErrorAtEveryLength(string name)
    {
        var bytes = Fixture.Read(name);
        for (var length = 0; length < bytes.Length - 1; length++)
        {
            var error = Samples.ErrorOf(() => ImageDecoder.Decode(bytes[..length], name));
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.UnreadableSample), $"{length} bytes");
        }
    }

    [Test]
    public void Decode_PngWithOneWrongByteOfData_IsAnError()
    {
        var bytes = FileBytes.Png(2, 1, 10, 20);
        bytes[45] ^= 1;

        Assert.That(Samples.ErrorOf(() => ImageDecoder.Decode(bytes, "x.png")).Message, Does.StartWith("x.png: the PNG is damaged: a checksum is wrong"));
    }

    [Test]
    public void Decode_HeaderThatClaimsTooMuch_IsAnErrorWithoutTakingMemory()
    {
        var bytes = FileBytes.Png(1, 1, 0);
        bytes[18] = 0xFF;
        bytes[22] = 0xFF;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(29), Crc32.HashToUInt32(bytes.AsSpan(12, 17)));

        Assert.That(Samples.ErrorOf(() => ImageDecoder.Decode(bytes, "x.png")).Message, Does.Contain("its header claims 65281x65281 pixels"));
    }

    [Test]
    public void Decode_OtherContent_NamesTheKnownOnes() =>
        Assert.That(Samples.ErrorOf(() => ImageDecoder.Decode("GIF89a"u8.ToArray(), "x.png")).Message, Does.Contain("neither PNG nor JPEG nor BMP"));

    [Test]
    public void Decode_FromManyThreads_GivesTheSamePixels()
    {
        string[] names = ["jpeg/baseline420.jpg", "jpeg/progressive.jpg", "images/palette.png", "images/rgb.bmp"];
        var files = Array.ConvertAll(names, Fixture.Read);
        var expected = files.Select((bytes, index) => ImageDecoder.Decode(bytes, names[index]).Pixels).ToArray();
        var different = 0;

        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            if (!ImageDecoder.Decode(files[i % 4], names[i % 4]).Pixels.AsSpan().SequenceEqual(expected[i % 4]))
            {
                Interlocked.Increment(ref different);
            }
        });

        Assert.That(different, Is.Zero);
    }
}
