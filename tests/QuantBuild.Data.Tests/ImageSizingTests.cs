using QuantBuild.Data.Images;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Data.Tests;

internal sealed class ImageSizingTests
{
    [TestCase(640, 480, 416, 416, 416, 312)]
    [TestCase(480, 640, 416, 416, 312, 416)]
    [TestCase(100, 50, 416, 416, 416, 208)]
    [TestCase(1000, 1, 10, 10, 10, 1, Description = "no side vanishes")]
    public void Letterbox_KeepsTheAspectRatioAndPadsRightAndBelow(int width, int height, int targetWidth, int targetHeight, int scaledWidth, int scaledHeight)
    {
        var sized = Sizing(targetWidth, targetHeight, ResizeMode.Letterbox).Apply(Filled(width, height, 200), "f");

        Assert.That((sized.Width, sized.Height), Is.EqualTo((targetWidth, targetHeight)));
        var expected = Enumerable.Range(0, targetWidth * targetHeight)
            .Select(i => i % targetWidth < scaledWidth && i / targetWidth < scaledHeight ? (byte)200 : (byte)114).ToArray();
        Assert.That(sized.Pixels, Is.EqualTo(expected));
    }

    [TestCase(500, 375, 224, 224)]
    [TestCase(375, 500, 224, 224)]
    [TestCase(333, 97, 224, 160)]
    public void Cover_WithCrop_MeetsTheSize(int width, int height, int targetWidth, int targetHeight)
    {
        var sized = Sizing(targetWidth, targetHeight, ResizeMode.Cover, CropMode.Center).Apply(Filled(width, height, 9), "f");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((sized.Width, sized.Height), Is.EqualTo((targetWidth, targetHeight)));
            Assert.That(sized.Pixels, Is.All.EqualTo(9));
        }
    }

    [Test]
    public void Cover_WithoutCrop_NamesTheCrop()
    {
        var error = Samples.ErrorOf(() => Sizing(224, 224, ResizeMode.Cover).Apply(Filled(300, 200, 0), "data/x.png"));

        Assert.That(error.Message, Is.EqualTo("data/x.png: the image has 300x200 pixels; the model takes 224x224: add Crop=\"Center\"."));
    }

    [Test]
    public void Stretch_AnySize_MeetsTheSize()
    {
        var sized = Sizing(320, 240, ResizeMode.Stretch).Apply(Filled(100, 400, 1), "f");

        Assert.That((sized.Width, sized.Height), Is.EqualTo((320, 240)));
    }

    [Test]
    public void Stretch_OneOpenSide_KeepsTheAspectRatio()
    {
        var sized = Sizing(null, 48, ResizeMode.Stretch).Apply(Filled(100, 24, 1), "f");

        Assert.That((sized.Width, sized.Height), Is.EqualTo((200, 48)));
    }

    [Test]
    public void NoResize_OpenSides_KeepTheImagesSize()
    {
        var sized = Sizing(null, null, ResizeMode.None).Apply(Filled(31, 17, 1), "f");

        Assert.That((sized.Width, sized.Height), Is.EqualTo((31, 17)));
    }

    [TestCase(64, 64, CropMode.None, "add Resize=\"Stretch\", \"Cover\" or \"Letterbox\", or Crop=\"Center\".")]
    [TestCase(64, 20, CropMode.None, "add Resize=\"Stretch\", \"Cover\" or \"Letterbox\".")]
    [TestCase(64, 20, CropMode.Center, "add Resize=\"Stretch\", \"Cover\" or \"Letterbox\".")]
    public void NoResize_OtherSize_NamesTheSettingToAdd(int width, int height, CropMode crop, string wayOut)
    {
        var error = Samples.ErrorOf(() => Sizing(32, 32, ResizeMode.None, crop).Apply(Filled(width, height, 0), "data/x.png"));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.SampleShape));
            Assert.That(error.Message, Does.Contain($"{width}x{height}").And.Contain("32x32").And.EndsWith(wayOut));
        }
    }

    [Test]
    public void From_SizeOtherThanTheModels_IsAnInvalidSetting()
    {
        var error = Samples.ErrorOf(() => From(new ImagePreprocessing { Size = new ImageSize(256, 256) }, 1, 3, 224, 224));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidSetting));
            Assert.That(error.Message, Does.Contain("256x256").And.Contain("224x224"));
        }
    }

    [Test]
    public void From_OpenModelAndResizeWithoutSize_AsksForTheSize() =>
        Assert.That(Samples.ErrorOf(() => From(new ImagePreprocessing { Resize = ResizeMode.Cover }, 1, 3, null, null)).Code, Is.EqualTo(DiagnosticCodes.MissingSetting));

    [Test]
    public void From_OpenModelAndSize_TakesTheSize()
    {
        var sizing = From(new ImagePreprocessing { Resize = ResizeMode.Cover, Size = new ImageSize(20, 10) }, 1, 3, null, null);

        Assert.That((sizing.Width, sizing.Height), Is.EqualTo((20, 10)));
    }

    [Test]
    public void Cover_VeryNarrowImage_IsAnErrorRatherThanGigabytes() =>
        Assert.That(Samples.ErrorOf(() => Sizing(2000, 2000, ResizeMode.Cover, CropMode.Center).Apply(Filled(100000, 1, 0), "f")).Code, Is.EqualTo(DiagnosticCodes.SampleShape));

    private static ImageSizing Sizing(int? width, int? height, ResizeMode resize, CropMode crop = CropMode.None) => new(width, height, resize, crop);

    private static ImageSizing From(ImagePreprocessing settings, params long?[] dimensions)
    {
        var input = Samples.Input("x", ElementType.Float, dimensions);
        return ImageSizing.From(ImageAxes.Find(input, null, "f"), settings, input);
    }

    private static PixelImage Filled(int width, int height, byte value) => new(width, height, 1, [.. Enumerable.Repeat(value, width * height)]);
}
