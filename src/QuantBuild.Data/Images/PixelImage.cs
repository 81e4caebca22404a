namespace QuantBuild.Data.Images;

/// <summary>8-bit pixels, row by row, channels interleaved: 1 (grey) or 3 (red, green, blue).</summary>
internal sealed record PixelImage(int Width, int Height, int Channels, byte[] Pixels)
{
    /// <summary>Grey by the luma weights of BT.601 (rounded to 16 bits), colour by repetition.</summary>
    public PixelImage WithChannels(int channels)
    {
        if (channels == Channels)
        {
            return this;
        }

        var pixels = new byte[Width * Height * channels];
        if (channels == 3)
        {
            for (var i = 0; i < Pixels.Length; i++)
            {
                pixels.AsSpan(3 * i, 3).Fill(Pixels[i]);
            }
        }
        else
        {
            for (var i = 0; i < pixels.Length; i++)
            {
                pixels[i] = (byte)(((19595 * Pixels[3 * i]) + (38470 * Pixels[(3 * i) + 1]) + (7471 * Pixels[(3 * i) + 2]) + 0x8000) >> 16);
            }
        }

        return new PixelImage(Width, Height, channels, pixels);
    }

    public PixelImage CropCenter(int width, int height)
    {
        var (left, top) = ((Width - width) / 2, (Height - height) / 2);
        var pixels = new byte[width * height * Channels];
        for (var y = 0; y < height; y++)
        {
            Pixels.AsSpan((((top + y) * Width) + left) * Channels, width * Channels).CopyTo(pixels.AsSpan(y * width * Channels));
        }

        return new PixelImage(width, height, Channels, pixels);
    }

    /// <summary>A larger image with this one at its top left.</summary>
    public PixelImage PadTo(int width, int height, byte fill)
    {
        var pixels = new byte[width * height * Channels];
        Array.Fill(pixels, fill);
        for (var y = 0; y < Height; y++)
        {
            Pixels.AsSpan(y * Width * Channels, Width * Channels).CopyTo(pixels.AsSpan(y * width * Channels));
        }

        return new PixelImage(width, height, Channels, pixels);
    }
}
