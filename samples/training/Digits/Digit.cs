namespace Digits.Training;

/// <summary>
/// One handwritten digit: 8×8 grey pixels of 0 to 255, row by row, as they stand in its PNG file, which is named after the row
/// of the table that it comes from.
/// </summary>
internal sealed record Digit(int Row, int Label, byte[] Pixels)
{
    public const int Side = 8;

    public const int Classes = 10;

    private const int TableMaximum = 16;

    /// <summary>Reads the UCI table: a heading, then 64 pixels of 0 to 16 and the label in each line.</summary>
    public static List<Digit> ReadTable(string path) =>
        [.. File.ReadLines(path).Skip(1).Select((line, row) => Parse(row, line))];

    private static Digit Parse(int row, string line)
    {
        var values = Array.ConvertAll(line.Split(','), int.Parse);
        var pixels = Array.ConvertAll(values[..(Side * Side)], value => (byte)Math.Round(value * 255.0 / TableMaximum));
        return new Digit(row, values[^1], pixels);
    }
}
