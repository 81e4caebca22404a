using QuantBuild.Data.Arrays;
using QuantBuild.Data.Images;

namespace QuantBuild.Data.Tests;

/// <summary>Files under Fixtures.</summary>
internal static class Fixture
{
    public static string PathOf(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Fixtures", name);

    public static byte[] Read(string name) => File.ReadAllBytes(PathOf(name));

    /// <summary>Pixels that another program decoded.</summary>
    public static PixelImage Pixels(string name)
    {
        using var stream = File.OpenRead(PathOf(name));
        var header = NpyHeader.Read(stream, name);
        var pixels = new byte[header.DataLength];
        stream.ReadExactly(pixels);
        return new PixelImage((int)header.Shape[1], (int)header.Shape[0], (int)header.Shape[2], pixels);
    }
}
