using System.Globalization;
using System.Text;

namespace QuantBuild.Onnx.Text;

/// <summary>Goes through a text token by token; the errors it makes say the line and what was expected there.</summary>
internal sealed class TokenReader
{
    private readonly string _text;
    private TextToken _current;

    public TokenReader(string text)
    {
        _text = text;
        _current = Next(0, 1);
    }

    public TokenKind Kind => _current.Kind;

    public int Line => _current.Line;

    public ReadOnlySpan<char> Current => _text.AsSpan(_current.Start, _current.Length);

    /// <summary>True where the current token is this symbol or unquoted word.</summary>
    public bool Is(string word) => Kind is TokenKind.Symbol or TokenKind.Name && Current.SequenceEqual(word);

    /// <summary>Moves on where the current token is this symbol or unquoted word.</summary>
    public bool Take(string word)
    {
        var isTaken = Is(word);
        if (isTaken)
        {
            Advance();
        }

        return isTaken;
    }

    public void Expect(string word)
    {
        if (!Take(word))
        {
            throw Expected($"'{word}'");
        }
    }

    public void Advance() => _current = Next(_current.Start + _current.Length, _current.Line);

    /// <summary>A name, with quotation marks or without.</summary>
    public string Name(string what)
    {
        if (Kind == TokenKind.Quoted)
        {
            return Encoding.UTF8.GetString(Quoted());
        }

        var name = Kind == TokenKind.Name ? Current.ToString() : throw Expected(what);
        Advance();
        return name;
    }

    /// <summary>The bytes that a quoted token stands for.</summary>
    public byte[] Quoted()
    {
        var bytes = Kind == TokenKind.Quoted ? NameText.Unquote(Current) : throw Expected("a string in quotation marks");
        Advance();
        return bytes ?? throw new FormatException($"line {Line}: expected a string whose escapes are \\n, \\r, \\t, \\\", \\\\ or \\x and two hexadecimal digits.");
    }

    public long Integer()
    {
        var number = Kind == TokenKind.Number && long.TryParse(Current, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed)
            ? parsed
            : throw Expected("a whole number");
        Advance();
        return number;
    }

    /// <summary>What <paramref name="item"/> reads, any number of times, with commas between, up to <paramref name="end"/>.</summary>
    public void List(string end, Action item)
    {
        if (Take(end))
        {
            return;
        }

        do
        {
            item();
        }
        while (Take(","));

        if (!Take(end))
        {
            throw Expected($"',' or '{end}'");
        }
    }

    public FormatException Expected(string what) =>
        new($"line {Line}: expected {what} but found {(Kind == TokenKind.End ? "the end of the text" : $"'{Current}'")}.");

    private TextToken Next(int position, int line)
    {
        while (position < _text.Length && (char.IsWhiteSpace(_text[position]) || _text[position] == '#'))
        {
            if (_text[position] == '#')
            {
                position = _text.IndexOf('\n', position) is var end and >= 0 ? end : _text.Length;
                continue;
            }

            line += _text[position] == '\n' ? 1 : 0;
            position++;
        }

        if (position == _text.Length)
        {
            return new(TokenKind.End, position, 0, line);
        }

        var (kind, length) = Measure(_text.AsSpan(position), line);
        return new(kind, position, length, line);
    }

    private static (TokenKind Kind, int Length) Measure(ReadOnlySpan<char> rest, int line) => rest[0] switch
    {
        '"' => (TokenKind.Quoted, QuotedLength(rest, line)),
        '-' when rest.StartsWith("->") => (TokenKind.Symbol, 2),
        ':' when rest.StartsWith("::") => (TokenKind.Symbol, 2),
        '-' => (TokenKind.Number, NumberLength(rest)),
        _ when char.IsAsciiDigit(rest[0]) => (TokenKind.Number, NumberLength(rest)),
        _ when NameText.BareLength(rest) is var length and > 0 => (TokenKind.Name, length),
        _ => (TokenKind.Symbol, 1),
    };

    private static int QuotedLength(ReadOnlySpan<char> rest, int line)
    {
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '"')
            {
                return i + 1;
            }

            i += rest[i] == '\\' ? 1 : 0;
        }

        throw new FormatException($"line {line}: expected a quotation mark at the end of the string that begins here.");
    }

    private static int NumberLength(ReadOnlySpan<char> rest)
    {
        var length = 1;
        while (length < rest.Length && (char.IsAsciiLetterOrDigit(rest[length]) || rest[length] == '.'
            || (rest[length] is '+' or '-' && rest[length - 1] is 'e' or 'E' && !rest.StartsWith("0x"))))
        {
            length++;
        }

        return length;
    }
}
