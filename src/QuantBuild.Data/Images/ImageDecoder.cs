using StbImageSharp;

namespace QuantBuild.Data.Images;

/// <summary>PNG, JPEG and BMP to pixels; docs/decisions/0002-image-decoding.md says by what and why.</summary>
internal static class ImageDecoder
{
    public static PixelImage Decode(byte[] bytes, string file)
    {
        if (ImageFile.FindDamage(bytes) is { } damage)
        {
            throw SampleError.Unreadable(file, $"{damage}; save the image again as PNG or JPEG, or remove it from the data");
        }

        var image = Load(bytes, file);
        var channels = (int)image.Comp;
        return channels switch
        {
            1 or 3 => new PixelImage(image.Width, image.Height, channels, image.Data),
            _ => DropAlpha(image, channels),
        };
    }

    private static ImageResult Load(byte[] bytes, string file)
    {
        try
        {
            return ImageResult.FromMemory(bytes);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // A damaged file takes the decoder by surprise in many ways: it runs past its tables, it seeks before the start
            throw SampleError.Unreadable(file, $"the image cannot be decoded ({exception.Message.TrimEnd('.')}); save it again as PNG or JPEG", exception);
        }
    }

    private static PixelImage DropAlpha(ImageResult image, int channels)
    {
        var kept = channels - 1;
        var pixels = new byte[image.Width * image.Height * kept];
        for (var (source, target) = (0, 0); target < pixels.Length; source += channels, target += kept)
        {
            image.Data.AsSpan(source, kept).CopyTo(pixels.AsSpan(target));
        }

        return new PixelImage(image.Width, image.Height, kept, pixels);
    }
}
