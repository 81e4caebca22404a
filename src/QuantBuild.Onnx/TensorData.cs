using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using QuantBuild.Onnx.Storage;

namespace QuantBuild.Onnx;

/// <summary>
/// An immutable tensor: its type, its dimensions and its elements in row-major order, little endian, packed where an element
/// takes less than a byte. Strings are kept apart, as UTF-8.
/// </summary>
public sealed class TensorData
{
    private const int Finite = 1;
    private const int NotFinite = 2;
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>0 as long as it is not known. Whoever looks first is no matter: all see the same.</summary>
    private int _finiteness;

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

    /// <summary>Where the elements lie on the disk, for a tensor of a mapped file; null for one in memory.</summary>
    public FileRegion? Region => FileMemory.RegionOf(_bytes);

    public static TensorData Create<T>(ImmutableArray<long> dimensions, ReadOnlySpan<T> elements)
        where T : unmanaged =>
        new(ElementTypes.Of<T>(), dimensions, MemoryMarshal.AsBytes(elements).ToArray());

    public static TensorData Scalar<T>(T value)
        where T : unmanaged => Create<T>([], [value]);

    public static TensorData Vector<T>(params ReadOnlySpan<T> elements)
        where T : unmanaged => Create([elements.Length], elements);

    /// <summary>
    /// A tensor that is made of this one; the caller fills <paramref name="elements"/> before it hands the tensor on. Where this one's
    /// elements lie in a file, so do those: what is made of a large model's weights takes no memory either.
    /// </summary>
    public TensorData Derive<T>(ImmutableArray<long> dimensions, out Span<T> elements)
        where T : unmanaged
    {
        var tensor = Derive(ElementTypes.Of<T>(), dimensions, out var bytes);
        elements = MemoryMarshal.Cast<byte, T>(bytes);
        return tensor;
    }

    public TensorData Derive(ElementType type, ImmutableArray<long> dimensions, out Span<byte> bytes)
    {
        var length = checked((int)(((dimensions.Aggregate(1L, (count, dimension) => checked(count * dimension)) * type.BitsPerElement()) + 7) / 8));
        var memory = Region is null ? new byte[length] : ScratchSpace.Allocate(length);
        bytes = memory.Span;
        return new(type, dimensions, memory);
    }

    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> is not the tensor's type.</exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged =>
        ElementTypes.Of<T>() == Type
            ? MemoryMarshal.Cast<byte, T>(_bytes.Span)
            : throw new InvalidOperationException($"The tensor holds {Type}, not {typeof(T).Name}.");

    /// <summary>True where no element of a Float tensor is infinite or NaN. The elements are looked at once: plan after plan asks of the same weights.</summary>
    public bool IsFinite
    {
        get
        {
            if (_finiteness == 0)
            {
                _finiteness = AsSpan<float>().ContainsAnyExceptInRange(float.MinValue, float.MaxValue) ? NotFinite : Finite;
            }

            return _finiteness == Finite;
        }
    }

    public TensorData Reshape(ImmutableArray<long> dimensions) => new(Type, dimensions, _bytes);

    /// <summary>The elements of an Int32 or Int64 tensor, as shapes and axes are given.</summary>
    public ImmutableArray<long> ToLongs() => Type switch
    {
        ElementType.Int64 => [.. AsSpan<long>()],
        ElementType.Int32 => [.. Convert<int, long>()],
        _ => throw new InvalidOperationException($"The tensor holds {Type}, not integers of 32 or 64 bits."),
    };

    /// <summary>The elements of a floating-point tensor, or of integers such as labels, as single precision: exact up to 2²⁴.</summary>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float => AsSpan<float>().ToArray(),
        ElementType.Double => Convert<double, float>(),
        ElementType.Float16 => Convert<Half, float>(),
        ElementType.Int64 => Convert<long, float>(),
        ElementType.Int32 => Convert<int, float>(),
        ElementType.UInt8 => Convert<byte, float>(),
        _ => throw new InvalidOperationException($"The tensor holds {Type}, not numbers that a float can stand for."),
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
