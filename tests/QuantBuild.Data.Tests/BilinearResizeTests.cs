using QuantBuild.Data.Images;

namespace QuantBuild.Data.Tests;

/// <summary>Expected pixels come from an independent program (numpy) that follows OpenCV's rule for INTER_LINEAR on bytes.</summary>
internal sealed class BilinearResizeTests
{
    private static PixelImage Grey { get; } = new(
        7, 5, 1, [.. Enumerable.Range(0, 35).Select(i => (byte)((i % 7 * 37) + (i / 7 * 61) + (i % 7 * (i / 7) * 11)))]);

    private static IEnumerable<TestCaseData> GreyCases =>
    [
        new(3, 2, new byte[] { 76, 182, 95, 204, 161, 74 }),
        new(4, 5, new byte[] { 14, 79, 143, 208, 79, 163, 247, 75, 144, 215, 95, 198, 209, 76, 198, 65, 178, 160, 78, 188 }),
        new(1, 1, new byte[] { 43 }),
        new(13, 3, new byte[]
        {
            20, 33, 55, 77, 98, 120, 142, 164, 180, 155, 144, 166, 179, 122, 140, 172, 204, 235, 149, 43, 75, 107, 138, 170, 202, 220, 224,
            195, 145, 127, 123, 158, 199, 149, 105, 101, 110, 152, 176,
        }),
        new(10, 8, new byte[]
        {
            0, 20, 46, 72, 98, 124, 150, 176, 202, 222, 27, 49, 79, 108, 137, 167, 190, 141, 142, 165, 65, 91, 125, 160, 183, 212, 234, 100,
            74, 101, 103, 133, 172, 211, 136, 113, 148, 131, 150, 180, 141, 175, 199, 187, 112, 94, 134, 122, 145, 180, 179, 217, 206, 86,
            112, 155, 192, 72, 61, 99, 217, 180, 140, 115, 163, 166, 120, 95, 120, 162, 244, 148, 89, 146, 203, 170, 60, 117, 173, 218,
        }),
    ];

    [TestCaseSource(nameof(GreyCases))]
    public void Resize_Grey_IsOpenCvsToTheBit(int width, int height, byte[] expected) =>
        Assert.That(BilinearResize.Resize(Grey, width, height).Pixels, Is.EqualTo(expected));

    [Test]
    public void Resize_Colour_KeepsChannelsApart()
    {
        byte[] pixels =
        [
            0, 255, 0, 37, 218, 111, 74, 181, 222, 111, 144, 77, 61, 194, 183, 109, 146, 71, 157, 98, 215, 205, 50, 103, 122, 133, 110, 181,
            74, 31, 240, 15, 208, 43, 212, 129,
        ];
        byte[] expected =
        [
            6, 249, 18, 56, 200, 167, 105, 150, 101, 31, 224, 77, 86, 168, 157, 142, 113, 109, 69, 186, 164, 133, 122, 143, 197, 58, 122, 107,
            148, 124, 179, 75, 129, 124, 131, 134, 132, 123, 97, 211, 45, 120, 76, 179, 142,
        ];

        Assert.That(BilinearResize.Resize(new PixelImage(4, 3, 3, pixels), 3, 5).Pixels, Is.EqualTo(expected));
    }

    [Test]
    public void Resize_SamePixelCountInBothDirections_ReturnsTheImage() =>
        Assert.That(BilinearResize.Resize(Grey, 7, 5), Is.SameAs(Grey));

    [Test]
    public void Resize_OnePixel_Repeats() =>
        Assert.That(BilinearResize.Resize(new PixelImage(1, 1, 1, [200]), 3, 2).Pixels, Is.All.EqualTo(200));
}
