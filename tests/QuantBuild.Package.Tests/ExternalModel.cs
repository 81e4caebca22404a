using System.Text;

namespace QuantBuild.Package.Tests;

/// <summary>y = x + w, with w of four floats in a file beside the model: written by hand, because QuantBuild.Onnx embeds.</summary>
internal static class ExternalModel
{
    private const int Float = 1;
    private const int Length = 4;

    public static void Write(string path, string location)
    {
        var folder = Path.GetDirectoryName(path)!;
        WriteData(Path.Combine(folder, location), 1);
        var tensorType = Message(1, [.. Number(1, Float), .. Message(2, Message(1, Number(1, Length)))]);
        var weights = (byte[])
        [
            .. Number(1, Length), .. Number(2, Float), .. Text(8, "w"), .. Message(13, [.. Text(1, "location"), .. Text(2, location)]), .. Number(14, 1),
        ];
        var graph = (byte[])
        [
            .. Message(1, [.. Text(1, "x"), .. Text(1, "w"), .. Text(2, "y"), .. Text(4, "Add")]),
            .. Text(2, "sum"),
            .. Message(5, weights),
            .. Message(11, [.. Text(1, "x"), .. Message(2, tensorType)]),
            .. Message(12, [.. Text(1, "y"), .. Message(2, tensorType)]),
        ];
        File.WriteAllBytes(path, [.. Number(1, 8), .. Message(7, graph), .. Message(8, [.. Text(1, ""), .. Number(2, 13)])]);
    }

    public static void WriteData(string path, float value)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, [.. Enumerable.Repeat(BitConverter.GetBytes(value), Length).SelectMany(bytes => bytes)]);
    }

    private static byte[] Number(int field, byte value) => [(byte)(field << 3), value];

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Message(int field, byte[] content)
    {
        Assert.That(content, Has.Length.LessThan(128 * 128));
        var length = content.Length < 128 ? new[] { (byte)content.Length } : [(byte)(content.Length % 128 + 128), (byte)(content.Length / 128)];
        return [(byte)(field << 3 | 2), .. length, .. content];
    }
}
