using StbImageSharp;

namespace Digits;

/// <summary>Grey pixels from 0 (black) to 1, row by row, and the digit that they show: the name of the file's folder.</summary>
internal sealed record DigitImage(float[] Pixels, int Label)
{
    public const int Side = 8;

    public static DigitImage Load(string path)
    {
        var image = ImageResult.FromMemory(File.ReadAllBytes(path), ColorComponents.Grey);
        var label = int.Parse(new FileInfo(path).Directory!.Name);
        return new DigitImage(Array.ConvertAll(image.Data, pixel => pixel / 255f), label);
    }
}
