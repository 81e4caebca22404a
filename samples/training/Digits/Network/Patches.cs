namespace Digits.Training.Network;

/// <summary>The 3×3 surroundings of every pixel, as columns of a matrix: a row for each channel and place in the kernel.</summary>
internal static class Patches
{
    public static void Gather(ReadOnlySpan<float> image, Span<float> columns, int side)
    {
        columns.Clear();
        foreach (var (row, channel, shiftY, shiftX) in Rows(image.Length / (side * side)))
        {
            for (var y = Math.Max(0, -shiftY); y < Math.Min(side, side - shiftY); y++)
            {
                for (var x = Math.Max(0, -shiftX); x < Math.Min(side, side - shiftX); x++)
                {
                    columns[(((row * side) + y) * side) + x] = image[(((channel * side) + y + shiftY) * side) + x + shiftX];
                }
            }
        }
    }

    /// <summary>The transpose of <see cref="Gather"/>: adds every column's elements to the pixels they came from.</summary>
    public static void Scatter(ReadOnlySpan<float> columns, Span<float> image, int side)
    {
        foreach (var (row, channel, shiftY, shiftX) in Rows(image.Length / (side * side)))
        {
            for (var y = Math.Max(0, -shiftY); y < Math.Min(side, side - shiftY); y++)
            {
                for (var x = Math.Max(0, -shiftX); x < Math.Min(side, side - shiftX); x++)
                {
                    image[(((channel * side) + y + shiftY) * side) + x + shiftX] += columns[(((row * side) + y) * side) + x];
                }
            }
        }
    }

    private static IEnumerable<(int Row, int Channel, int ShiftY, int ShiftX)> Rows(int channels)
    {
        const int Places = Convolution.KernelSide * Convolution.KernelSide;
        for (var row = 0; row < channels * Places; row++)
        {
            var place = row % Places;
            yield return (row, row / Places, (place / Convolution.KernelSide) - 1, (place % Convolution.KernelSide) - 1);
        }
    }
}
