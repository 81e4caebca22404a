using QuantBuild.Data.Images;

namespace QuantBuild.Data.Tests;

internal sealed class PixelImageTests
{
    [Test]
    public void WithChannels_ColourToGrey_IsPillowsLuma() =>
        Assert.That(Fixture.Pixels("images/rgb.png.npy").WithChannels(1).Pixels, Is.EqualTo(Fixture.Pixels("images/luma.npy").Pixels));

    [Test]
    public void WithChannels_GreyToColour_Repeats() =>
        Assert.That(new PixelImage(2, 1, 1, [7, 9]).WithChannels(3).Pixels, Is.EqualTo(new byte[] { 7, 7, 7, 9, 9, 9 }));

    [Test]
    public void CropCenter_OddRest_RoundsToTheTopLeft()
    {
        var image = new PixelImage(4, 3, 1, [.. Enumerable.Range(0, 12).Select(i => (byte)i)]);

        Assert.That(image.CropCenter(1, 2).Pixels, Is.EqualTo(new byte[] { 1, 5 }));
    }

    [Test]
    public void PadTo_LargerSize_KeepsTheTopLeft() =>
        Assert.That(new PixelImage(1, 1, 1, [7]).PadTo(2, 2, 114).Pixels, Is.EqualTo(new byte[] { 7, 114, 114, 114 }));
}
