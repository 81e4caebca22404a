using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace QuantBuild.Onnx.Text;

/// <summary>
/// Numbers in their shortest form that reads back as the same bits: also <c>-0</c>, <c>inf</c>, <c>-inf</c>, <c>nan</c>, and
/// <c>nan(0x…)</c> with the bits of any other NaN than the positive quiet one.
/// </summary>
internal static class NumberText
{
    public static string Print<T, TBits>(T value)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        if (T.IsNaN(value))
        {
            return Unsafe.BitCast<T, TBits>(value) == QuietNaN<T, TBits>() ? "nan" : string.Create(CultureInfo.InvariantCulture, $"nan(0x{Unsafe.BitCast<T, TBits>(value):x})");
        }

        return T.IsInfinity(value) ? T.IsNegative(value) ? "-inf" : "inf"
            : value.ToString(null, CultureInfo.InvariantCulture).Replace('E', 'e');
    }

    /// <summary>Never like an integer: an attribute's type is seen from its number.</summary>
    public static string PrintAttribute(float value) =>
        Print<float, uint>(value) is var text && text.AsSpan().ContainsAny(".en") ? text : text + ".0";

    public static T Read<T, TBits>(TokenReader tokens)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        if (tokens.Take("nan"))
        {
            return Unsafe.BitCast<TBits, T>(tokens.Take("(") ? Bits<TBits>(tokens) : QuietNaN<T, TBits>());
        }

        var number = tokens.Is("inf") || tokens.Current is "-inf"
            ? tokens.Kind == TokenKind.Name ? T.PositiveInfinity : T.NegativeInfinity
            : tokens.Kind == TokenKind.Number && T.TryParse(tokens.Current, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) ? parsed
            : throw tokens.Expected("a number");
        tokens.Advance();
        return number;
    }

    private static TBits Bits<TBits>(TokenReader tokens)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var bits = tokens.Kind == TokenKind.Number && tokens.Current.StartsWith("0x")
            && TBits.TryParse(tokens.Current[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var parsed)
            ? parsed
            : throw tokens.Expected("the bits of a NaN as 0x and hexadecimal digits");
        tokens.Advance();
        tokens.Expect(")");
        return bits;
    }

    /// <summary>What most programs write; .NET's own has the sign set.</summary>
    private static TBits QuietNaN<T, TBits>()
        where T : unmanaged, IFloatingPointIeee754<T>
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        var bits = Unsafe.BitCast<T, TBits>(T.NaN);
        return bits & ~(TBits.One << ((Unsafe.SizeOf<T>() * 8) - 1));
    }
}
