using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace QuantBuild.Data.Arrays;

/// <summary>What stands before the elements of a .npy file, versions 1 to 3.</summary>
internal sealed partial record NpyHeader(NumPyType Type, bool IsFortranOrder, ImmutableArray<long> Shape, int Length)
{
    private const int LongestHeader = 1 << 20;
    private const int LongestRank = 64;
    private const int LongestRun = 1 << 20;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The bytes of all elements; they end the file.</summary>
    public long DataLength => CountOf(Shape) * Type.Size;

    public static NpyHeader Read(Stream stream, string source)
    {
        Span<byte> start = stackalloc byte[12];
        if (stream.ReadAtLeast(start[..8], 8, throwOnEndOfStream: false) < 8 || !start[..6].SequenceEqual(Magic))
        {
            throw SampleError.Unreadable(source, "not a .npy array: it does not start with \\x93NUMPY; write it with numpy.save");
        }

        var lengthBytes = start[6] switch
        {
            1 => 2,
            2 or 3 => 4,
            _ => throw SampleError.Unreadable(source, $".npy version {start[6]}.{start[7]} is not known; expected 1.0, 2.0 or 3.0"),
        };
        stream.ReadExactly(start.Slice(8, lengthBytes));
        var length = lengthBytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (length > LongestHeader)
        {
            throw SampleError.Unreadable(source, $"damaged: its .npy header claims {length} bytes");
        }

        var text = new byte[length];
        stream.ReadExactly(text);
        return Parse(Encoding.UTF8.GetString(text), 8 + lengthBytes + (int)length, source);
    }

    public static long CountOf(ImmutableArray<long> shape)
    {
        var count = 1L;
        foreach (var dimension in shape)
        {
            count = checked(count * dimension);
        }

        return count;
    }

    private static NpyHeader Parse(string text, int length, string source)
    {
        var description = Descriptor.Match(text);
        var order = FortranOrder.Match(text);
        var shape = ShapeTuple.Match(text);
        if (!order.Success || !shape.Success)
        {
            throw SampleError.Unreadable(source, "damaged: its .npy header lacks 'fortran_order' or 'shape'");
        }

        if (!description.Success)
        {
            throw SampleError.Type(source, "the array has a structured dtype, which ONNX lacks; save one plain array of numbers.");
        }

        var descriptor = description.Groups[1].Value;
        var type = NumPyType.Parse(descriptor);
        if (type is null || (type.ElementType == Onnx.ElementType.Undefined && !type.IsOpaque))
        {
            throw SampleError.Type(source, $"the array has dtype '{descriptor}', which ONNX lacks; convert it with array.astype.");
        }

        var header = new NpyHeader(type, order.Groups[1].Value == "True", ParseShape(shape.Groups[1].Value, source), length);
        return header.IsWithinBounds() ? header : throw SampleError.Unreadable(source, $"damaged: shape ({shape.Groups[1].Value}) is too large");
    }

    private static ImmutableArray<long> ParseShape(string text, string source)
    {
        var parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var shape = ImmutableArray.CreateBuilder<long>(parts.Length);
        foreach (var part in parts)
        {
            // Python 2 wrote long integers as 12L
            if (!long.TryParse(part.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out var dimension))
            {
                throw SampleError.Unreadable(source, $"damaged: '{part}' in its shape is not a number");
            }

            shape.Add(dimension);
        }

        return shape.Count <= LongestRank ? shape.ToImmutable() : throw SampleError.Unreadable(source, $"damaged: {shape.Count} dimensions");
    }

    private bool IsWithinBounds()
    {
        try
        {
            // Elements without bytes cost no file but would cost memory
            return checked(DataLength + Length) >= 0 && (DataLength > 0 || Shape.All(dimension => dimension <= LongestRun));
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"['""]descr['""]\s*:\s*['""]([^'""]*)['""]")]
    private static partial Regex Descriptor { get; }

    [GeneratedRegex(@"['""]fortran_order['""]\s*:\s*(True|False)")]
    private static partial Regex FortranOrder { get; }

    [GeneratedRegex(@"['""]shape['""]\s*:\s*\(([^()]*)\)")]
    private static partial Regex ShapeTuple { get; }
}
