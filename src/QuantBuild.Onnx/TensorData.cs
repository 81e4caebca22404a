using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;

namespace QuantBuild.Onnx;

/// <summary>
/// An immutable tensor: its type, its dimensions and its elements in row-major order, little endian, packed where an element
/// takes less than a byte. Strings are kept apart, as UTF-8.
/// </summary>
public sealed class TensorData
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <exception cref="ArgumentException">The bytes do not fill the dimensions exactly.</exception>
    public TensorData(ElementType type, ImmutableArray<long> dimensions, ReadOnlyMemory<byte> bytes)
    {
        Type = type;
        Dimensions = dimensions;
        _bytes = bytes;
        Strings = [];
        var expected = ((ElementCount * type.BitsPerElement()) + 7) / 8;
        if (type.BitsPerElement() == 0 || bytes.Length != expected)
        {
            throw new ArgumentException($"{type}[{string.Join(',', dimensions)}] takes {expected} bytes, not {bytes.Length}.", nameof(bytes));
        }
    }

    /// <exception cref="ArgumentException">The strings do not fill the dimensions exactly.</exception>
    public TensorData(ImmutableArray<long> dimensions, ImmutableArray<ReadOnlyMemory<byte>> strings)
    {
        Type = ElementType.String;
        Dimensions = dimensions;
        Strings = strings;
        if (strings.Length != ElementCount)
        {
            throw new ArgumentException($"String[{string.Join(',', dimensions)}] takes {ElementCount} strings, not {strings.Length}.", nameof(strings));
        }
    }

    public ElementType Type { get; }

    public ImmutableArray<long> Dimensions { get; }

    public int Rank => Dimensions.Length;

    /// <summary>The product of the dimensions: 1 for a scalar, 0 where a dimension is 0.</summary>
    public long ElementCount => Dimensions.Aggregate(1L, (count, dimension) => checked(count * dimension));

    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The UTF-8 elements of a string tensor; empty for every other type.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Strings { get; }

    public static TensorData Create<T>(ImmutableArray<long> dimensions, ReadOnlySpan<T> elements)
        where T : unmanaged =>
        new(ElementTypes.Of<T>(), dimensions, MemoryMarshal.AsBytes(elements).ToArray());

    public static TensorData Scalar<T>(T value)
        where T : unmanaged => Create<T>([], [value]);

    public static TensorData Vector<T>(params ReadOnlySpan<T> elements)
        where T : unmanaged => Create([elements.Length], elements);

    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> is not the tensor's type.</exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged =>
        ElementTypes.Of<T>() == Type
            ? MemoryMarshal.Cast<byte, T>(_bytes.Span)
            : throw new InvalidOperationException($"The tensor holds {Type}, not {typeof(T).Name}.");

    public TensorData Reshape(ImmutableArray<long> dimensions) => new(Type, dimensions, _bytes);

    /// <summary>The elements of an Int32 or Int64 tensor, as shapes and axes are given.</summary>
    public ImmutableArray<long> ToLongs() => Type switch
    {
        ElementType.Int64 => [.. AsSpan<long>()],
        ElementType.Int32 => [.. Convert<int, long>()],
        _ => throw new InvalidOperationException($"The tensor holds {Type}, not integers of 32 or 64 bits."),
    };

    /// <summary>The elements of any real floating-point tensor as single precision.</summary>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float => AsSpan<float>().ToArray(),
        ElementType.Double => Convert<double, float>(),
        ElementType.Float16 => Convert<Half, float>(),
        _ => throw new InvalidOperationException($"The tensor holds {Type}, not floating-point numbers."),
    };

    public override string ToString() => $"{Type}[{string.Join(',', Dimensions)}]";

    private TTo[] Convert<TFrom, TTo>()
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        var source = AsSpan<TFrom>();
        var target = new TTo[source.Length];
        for (var i = 0; i < source.Length; i++)
        {
            target[i] = TTo.CreateTruncating(source[i]);
        }

        return target;
    }
}
