using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using QuantBuild.Onnx.Schema;

namespace QuantBuild.Onnx.Text;

/// <summary>Tensors: <c>float[2, 2] [1, 2, 3, 4]</c>, elements in row-major order; bytes as <c>0x…</c> for types whose numbers .NET does not know.</summary>
internal static class TensorText
{
    /// <summary>What is left of a tensor that is cut.</summary>
    private const int Beginning = 4;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static string PrintType(TensorProto tensor) => TypeText.Print((ElementType)tensor.DataType) + TypeText.Print(tensor.Dims);

    /// <summary>The elements alone, cut where there are more than <paramref name="most"/>.</summary>
    public static void PrintElements(StringBuilder text, TensorProto proto, long most)
    {
        var tensor = TensorCodec.Decode(proto);
        var (count, end) = tensor.ElementCount <= most ? (tensor.ElementCount, "") : (Math.Min(Beginning, most), "...");
        if (tensor.Type != ElementType.String && !ElementText.All.ContainsKey(tensor.Type))
        {
            text.Append("0x").Append(Convert.ToHexStringLower(tensor.Bytes.Span[..(int)((count * tensor.Type.BitsPerElement() + 7) / 8)])).Append(end);
            return;
        }

        text.Append('[');
        for (var i = 0L; i < count; i++)
        {
            text.Append(i == 0 ? "" : ", ").Append(tensor.Type == ElementType.String
                ? NameText.Quote(tensor.Strings[(int)i].Span)
                : ElementText.All[tensor.Type].Print(tensor.Bytes, i));
        }

        text.Append(count > 0 && end.Length > 0 ? ", " : "").Append(end).Append(']');
    }

    public static TensorProto Read(TokenReader tokens)
    {
        var type = TypeText.ReadElementType(tokens);
        return ReadElements(tokens, type, [.. TypeText.ReadDimensions(tokens)]);
    }

    public static TensorProto ReadElements(TokenReader tokens, ElementType type, ImmutableArray<long> dimensions)
    {
        var expected = dimensions.Aggregate(1L, (count, length) => count * length);
        return TensorCodec.Encode(
            type == ElementType.String ? ReadStrings(tokens, dimensions, expected)
            : tokens.Kind == TokenKind.Number ? new TensorData(type, dimensions, ReadBytes(tokens, ((expected * type.BitsPerElement()) + 7) / 8))
            : new TensorData(type, dimensions, ReadNumbers(tokens, type, expected)));
    }

    public static SparseTensorProto ReadSparse(TokenReader tokens, IEnumerable<long> dimensions)
    {
        var values = Read(tokens);
        tokens.Expect("at");
        return new() { Dims = { dimensions }, Values = values, Indices = Read(tokens) };
    }

    private static byte[] ReadNumbers(TokenReader tokens, ElementType type, long expected)
    {
        if (!ElementText.All.TryGetValue(type, out var row))
        {
            throw tokens.Expected($"the bytes of {TypeText.Print(type)} elements as 0x and hexadecimal digits");
        }

        var (line, bytes, count) = (tokens.Line, new byte[((expected * type.BitsPerElement()) + 7) / 8], 0L);
        tokens.Expect("[");
        tokens.List("]", () =>
        {
            if (count == expected)
            {
                throw tokens.Expected($"']' after {expected} elements");
            }

            row.Read(tokens, bytes, count++);
        });
        return count == expected ? bytes : throw TooFew(line, count, expected);
    }

    private static TensorData ReadStrings(TokenReader tokens, ImmutableArray<long> dimensions, long expected)
    {
        var line = tokens.Line;
        var strings = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        tokens.Expect("[");
        tokens.List("]", () => strings.Add(tokens.Quoted()));
        return strings.Count == expected ? new(dimensions, strings.ToImmutable()) : throw TooFew(line, strings.Count, expected);
    }

    private static byte[] ReadBytes(TokenReader tokens, long expected)
    {
        var digits = tokens.Current.StartsWith("0x") ? tokens.Current[2..] : default;
        if (digits.Length != expected * 2 || digits.ContainsAnyExcept(HexDigits))
        {
            throw tokens.Expected(string.Create(CultureInfo.InvariantCulture, $"0x and {expected * 2} hexadecimal digits"));
        }

        var bytes = Convert.FromHexString(digits);
        tokens.Advance();
        return bytes;
    }

    private static FormatException TooFew(int line, long count, long expected) =>
        new(string.Create(CultureInfo.InvariantCulture, $"line {line}: expected {expected} elements but found {count}."));
}
