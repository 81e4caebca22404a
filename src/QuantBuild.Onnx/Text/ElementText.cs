using System.Collections.Frozen;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QuantBuild.Onnx.Text;

/// <summary>How one element, whose bytes are given, is written and read. What has no row is written as bytes.</summary>
internal sealed record ElementText(Func<ReadOnlyMemory<byte>, long, string> Print, Action<TokenReader, byte[], long> Read)
{
    public static FrozenDictionary<ElementType, ElementText> All { get; } = new Dictionary<ElementType, ElementText>
    {
        [ElementType.Float] = Of(NumberText.Print<float, uint>, NumberText.Read<float, uint>),
        [ElementType.Double] = Of(NumberText.Print<double, ulong>, NumberText.Read<double, ulong>),
        [ElementType.Float16] = Of(NumberText.Print<Half, ushort>, NumberText.Read<Half, ushort>),
        [ElementType.BFloat16] = Of(PrintBrain, ReadBrain),
        [ElementType.UInt8] = OfInteger<byte>(),
        [ElementType.Boolean] = OfInteger<byte>(),
        [ElementType.Int8] = OfInteger<sbyte>(),
        [ElementType.UInt16] = OfInteger<ushort>(),
        [ElementType.Int16] = OfInteger<short>(),
        [ElementType.UInt32] = OfInteger<uint>(),
        [ElementType.Int32] = OfInteger<int>(),
        [ElementType.UInt64] = OfInteger<ulong>(),
        [ElementType.Int64] = OfInteger<long>(),
        [ElementType.UInt4] = OfPacked(4, isSigned: false),
        [ElementType.Int4] = OfPacked(4, isSigned: true),
        [ElementType.UInt2] = OfPacked(2, isSigned: false),
        [ElementType.Int2] = OfPacked(2, isSigned: true),
    }.ToFrozenDictionary();

    private static ElementText Of<T>(Func<T, string> print, Func<TokenReader, T> read)
        where T : unmanaged => new(
            (bytes, index) => print(MemoryMarshal.Read<T>(bytes.Span[((int)index * Unsafe.SizeOf<T>())..])),
            (tokens, bytes, index) => MemoryMarshal.Write(bytes.AsSpan((int)index * Unsafe.SizeOf<T>()), read(tokens)));

    private static ElementText OfInteger<T>()
        where T : unmanaged, IBinaryInteger<T> => Of<T>(
            value => value.ToString(null, CultureInfo.InvariantCulture),
            tokens =>
            {
                var number = tokens.Kind == TokenKind.Number && T.TryParse(tokens.Current, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed)
                    ? parsed
                    : throw tokens.Expected($"a whole number from {T.CreateSaturating(long.MinValue)} to {T.CreateSaturating(ulong.MaxValue)}");
                tokens.Advance();
                return number;
            });

    /// <summary>Elements of <paramref name="bits"/> bits, the first in a byte's lowest.</summary>
    private static ElementText OfPacked(int bits, bool isSigned)
    {
        var (inByte, mask) = (8 / bits, (1 << bits) - 1);
        var (smallest, largest) = isSigned ? (-(mask + 1) / 2, mask / 2) : (0, mask);
        return new(
            (bytes, index) =>
            {
                var value = (bytes.Span[(int)(index / inByte)] >> (int)(index % inByte * bits)) & mask;
                return (value > largest ? value - mask - 1 : value).ToString(CultureInfo.InvariantCulture);
            },
            (tokens, bytes, index) =>
            {
                if (tokens.Kind != TokenKind.Number || !int.TryParse(tokens.Current, CultureInfo.InvariantCulture, out var value) || value < smallest || value > largest)
                {
                    throw tokens.Expected($"a whole number from {smallest} to {largest}");
                }

                tokens.Advance();
                bytes[index / inByte] |= (byte)((value & mask) << (int)(index % inByte * bits));
            });
    }

    /// <summary>A bfloat16 is the upper half of a single.</summary>
    private static string PrintBrain(ushort bits) => NumberText.Print<float, uint>(BitConverter.UInt32BitsToSingle((uint)bits << 16));

    private static ushort ReadBrain(TokenReader tokens) => (ushort)(BitConverter.SingleToUInt32Bits(NumberText.Read<float, uint>(tokens)) >> 16);
}
