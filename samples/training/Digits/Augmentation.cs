namespace Digits.Training;

/// <summary>Shifts, turns and resizes a digit by small random amounts.</summary>
internal sealed class Augmentation(Random random)
{
    private const float LargestShift = 1f;
    private const float LargestTurn = 0.15f;
    private const float LargestResize = 0.1f;

    public void Write(ReadOnlySpan<byte> pixels, Span<float> target)
    {
        const float Centre = (Digit.Side - 1) / 2f;
        var (sine, cosine) = MathF.SinCos(Draw(LargestTurn));
        var size = 1 + Draw(LargestResize);
        var (shiftX, shiftY) = (Draw(LargestShift), Draw(LargestShift));
        for (var y = 0; y < Digit.Side; y++)
        {
            for (var x = 0; x < Digit.Side; x++)
            {
                var (fromX, fromY) = ((x - Centre) * size, (y - Centre) * size);
                target[(y * Digit.Side) + x] = Sample(
                    pixels,
                    (fromX * cosine) - (fromY * sine) + Centre + shiftX,
                    (fromX * sine) + (fromY * cosine) + Centre + shiftY);
            }
        }
    }

    private float Draw(float largest) => ((random.NextSingle() * 2) - 1) * largest;

    /// <summary>Bilinear, black outside, scaled to 0..1.</summary>
    private static float Sample(ReadOnlySpan<byte> pixels, float x, float y)
    {
        var (left, top) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (right, bottom) = (x - left, y - top);
        var upper = (At(pixels, left, top) * (1 - right)) + (At(pixels, left + 1, top) * right);
        var lower = (At(pixels, left, top + 1) * (1 - right)) + (At(pixels, left + 1, top + 1) * right);
        return ((upper * (1 - bottom)) + (lower * bottom)) / byte.MaxValue;
    }

    private static float At(ReadOnlySpan<byte> pixels, int x, int y) =>
        x is >= 0 and < Digit.Side && y is >= 0 and < Digit.Side ? pixels[(y * Digit.Side) + x] : 0;
}
