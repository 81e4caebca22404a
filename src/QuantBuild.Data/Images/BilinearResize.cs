namespace QuantBuild.Data.Images;

/// <summary>
/// Bilinear resizing without antialiasing in the fixed point that OpenCV's INTER_LINEAR uses for 8-bit images, which most
/// vision models were trained with: weights of 11 bits, the sum across shifted by 4, each row's share by 16, and rounding once.
/// </summary>
internal static class BilinearResize
{
    private const int One = 1 << 11;

    public static PixelImage Resize(PixelImage image, int width, int height)
    {
        if (image.Width == width && image.Height == height)
        {
            return image;
        }

        var across = Taps(image.Width, width);
        var down = Taps(image.Height, height);
        var length = width * image.Channels;
        var pixels = new byte[length * height];
        var (upper, lower) = (new Row(image, across), new Row(image, across));
        for (var y = 0; y < height; y++)
        {
            var (top, bottom, weight) = down[y];
            if (lower.Index == top)
            {
                (upper, lower) = (lower, upper);
            }

            Blend(upper.Load(top), lower.Load(bottom), weight, pixels.AsSpan(y * length, length));
        }

        return new PixelImage(width, height, image.Channels, pixels);
    }

    private static void Blend(int[] top, int[] bottom, int weight, Span<byte> target)
    {
        for (var x = 0; x < target.Length; x++)
        {
            target[x] = (byte)(((top[x] * (One - weight) >> 16) + (bottom[x] * weight >> 16) + 2) >> 2);
        }
    }

    /// <summary>For each target pixel its two source pixels and the second one's weight. Pixels are areas: centres lie at ½.</summary>
    private static Tap[] Taps(int source, int target)
    {
        var taps = new Tap[target];
        for (var i = 0; i < target; i++)
        {
            var position = ((i + 0.5) * source / target) - 0.5;
            var low = Math.Clamp((int)Math.Floor(position), 0, source - 1);
            var high = Math.Min(low + 1, source - 1);
            var weight = high == low ? 0 : (int)Math.Round(Math.Clamp(position - low, 0, 1) * One, MidpointRounding.ToEven);
            taps[i] = new Tap(low, high, weight);
        }

        return taps;
    }

    private readonly record struct Tap(int Low, int High, int Weight);

    /// <summary>One source row, resized across; neighbouring target rows share it.</summary>
    private sealed class Row(PixelImage image, Tap[] taps)
    {
        private readonly int[] _values = new int[taps.Length * image.Channels];

        public int Index { get; private set; } = -1;

        public int[] Load(int index)
        {
            if (index == Index)
            {
                return _values;
            }

            Index = index;
            var channels = image.Channels;
            var row = image.Pixels.AsSpan(index * image.Width * channels, image.Width * channels);
            for (var x = 0; x < taps.Length; x++)
            {
                var (low, high, weight) = taps[x];
                for (var channel = 0; channel < channels; channel++)
                {
                    var sum = (row[(low * channels) + channel] * (One - weight)) + (row[(high * channels) + channel] * weight);
                    _values[(x * channels) + channel] = sum >> 4;
                }
            }

            return _values;
        }
    }
}
