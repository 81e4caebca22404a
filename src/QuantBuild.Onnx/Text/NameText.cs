using System.Buffers;
using System.Globalization;
using System.Text;

namespace QuantBuild.Onnx.Text;

/// <summary>Names, which take quotation marks only where they need them, and strings, which may be any bytes.</summary>
internal static class NameText
{
    /// <summary>What stands for an input or output that is left out.</summary>
    public const string Missing = "_";

    /// <summary>What comes before a node's name.</summary>
    public const string NodeName = "as";

    private static readonly SearchValues<char> Bare = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./");

    public static string Print(string name) =>
        name.Length > 0 && BareLength(name) == name.Length && name is not (Missing or NodeName) ? name : Quote(Encoding.UTF8.GetBytes(name));

    /// <summary>How many characters from the first on make a name that needs no quotation marks.</summary>
    public static int BareLength(ReadOnlySpan<char> text) =>
        text.IsEmpty || char.IsAsciiDigit(text[0]) || text[0] == '.' ? 0
        : text.IndexOfAnyExcept(Bare) is var end and >= 0 ? end : text.Length;

    /// <summary>Characters stand for their UTF-8; bytes that are none, and control characters, are escaped.</summary>
    public static string Quote(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("\"");
        while (!bytes.IsEmpty)
        {
            var isCharacter = Rune.DecodeFromUtf8(bytes, out var rune, out var length) == OperationStatus.Done;
            foreach (var part in bytes[..length])
            {
                text.Append(isCharacter ? "" : Escape(part));
            }

            text.Append(!isCharacter ? "" : Rune.IsControl(rune) && rune.Value > 0x7F ? Escape(bytes[0]) + Escape(bytes[1]) : Character(rune));
            bytes = bytes[length..];
        }

        return text.Append('"').ToString();
    }

    /// <summary>The bytes of a quoted string; null where an escape is not known.</summary>
    public static byte[]? Unquote(ReadOnlySpan<char> quoted)
    {
        var bytes = new List<byte>();
        var rest = quoted[1..^1];
        while (!rest.IsEmpty)
        {
            var plain = rest.IndexOf('\\') is var next and >= 0 ? next : rest.Length;
            bytes.AddRange(Encoding.UTF8.GetBytes(rest[..plain].ToArray()));
            rest = rest[plain..];
            if (rest.IsEmpty)
            {
                break;
            }

            if (Unescape(rest) is not var (value, length))
            {
                return null;
            }

            bytes.Add(value);
            rest = rest[length..];
        }

        return [.. bytes];
    }

    private static string Character(Rune rune) => rune.Value switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < ' ' or 0x7F => Escape((byte)rune.Value),
        _ => rune.ToString(),
    };

    private static string Escape(byte value) => string.Create(CultureInfo.InvariantCulture, $"\\x{value:x2}");

    private static (byte Value, int Length)? Unescape(ReadOnlySpan<char> text) => text.Length < 2 ? null : text[1] switch
    {
        '"' => ((byte)'"', 2),
        '\\' => ((byte)'\\', 2),
        'n' => ((byte)'\n', 2),
        'r' => ((byte)'\r', 2),
        't' => ((byte)'\t', 2),
        'x' when text.Length >= 4 && byte.TryParse(text[2..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) => (value, 4),
        _ => null,
    };
}
