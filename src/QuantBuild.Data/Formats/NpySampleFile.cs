using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using QuantBuild.Data.Arrays;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Formats;

/// <summary>A .npy file: its slices along the first axis, or, where a manifest lists it, the whole array as one sample.</summary>
internal sealed class NpySampleFile : SampleFile
{
    /// <summary>Elements that are further apart are read one by one.</summary>
    private const int Block = 1 << 12;

    private readonly NpyHeader _header;
    private readonly ArrayInput _input;
    private readonly bool _isSingle;

    private NpySampleFile(string path, SampleContext context, NpyHeader header, bool isSingle)
        : base(path, context.NameOf(path))
    {
        _header = header;
        _input = new ArrayInput(context.OnlyInput(Name, "a .npy file"), Name);
        _isSingle = isSingle;
        if (SliceCount * header.Type.Size > Array.MaxLength)
        {
            throw SampleError.Unreadable(Name, $"one sample of shape [{string.Join(',', SliceShape)}] takes more than 2 GB");
        }
    }

    public override int Count => _isSingle ? 1 : (int)_header.Shape[0];

    public override bool HoldsMany => !_isSingle;

    private ImmutableArray<long> SliceShape => _isSingle ? _header.Shape : _header.Shape[1..];

    private long SliceCount => NpyHeader.CountOf(SliceShape);

    public static NpySampleFile Open(string path, SampleContext context, bool isSingle)
    {
        var name = context.NameOf(path);
        using var stream = File.OpenRead(path);
        var header = NpyHeader.Read(stream, name);
        var expected = header.Length + header.DataLength;
        if (stream.Length != expected)
        {
            throw SampleError.Unreadable(name, $"the file has {stream.Length} bytes and its header promises {expected}: it is truncated or damaged");
        }

        if (!isSingle && header.Shape.IsEmpty)
        {
            throw SampleError.Shape(name, "the array has no dimensions; expected a first axis that counts samples: save array[None].");
        }

        return isSingle || header.Shape[0] <= int.MaxValue
            ? new NpySampleFile(path, context, header, isSingle)
            : throw SampleError.Unreadable(name, $"the file claims {header.Shape[0]} samples");
    }

    public override SampleInputs Read(int index)
    {
        var withBatch = _isSingle ? SliceShape : SliceShape.Insert(0, 1);
        var shape = _input.FitShape(withBatch);
        var elements = ArrayElements.ToRowMajor(ReadSlice(index), _header.IsFortranOrder ? SliceShape : [], _header.Type.Size);
        return ImmutableDictionary.Create<string, TensorData>().Add(_input.Specification.Name, _input.Accept(_header, shape, elements));
    }

    public override void AppendContent(int index, IncrementalHash hash)
    {
        hash.AppendData(Encoding.UTF8.GetBytes($"{_header.Type.Descriptor}[{string.Join(',', SliceShape)}]{_header.IsFortranOrder}"));
        hash.AppendData(ReadSlice(index));
    }

    private byte[] ReadSlice(int index)
    {
        var slice = new byte[SliceCount * _header.Type.Size];
        if (slice.Length == 0)
        {
            return slice;
        }

        using var handle = File.OpenHandle(Path);
        if (_header.IsFortranOrder && !_isSingle)
        {
            Gather(handle, index, slice);
        }
        else
        {
            ReadExactly(handle, slice, _header.Length + ((long)index * slice.Length));
        }

        return slice;
    }

    /// <summary>In column-major order the first axis varies fastest: the elements of a slice lie one sample count apart.</summary>
    private void Gather(SafeFileHandle handle, int index, byte[] slice)
    {
        var size = _header.Type.Size;
        var stride = (long)Count * size;
        var perRead = (int)Math.Max(1, Block / stride);
        var block = new byte[((perRead - 1) * stride) + size];
        for (var position = 0; position * size < slice.Length; position += perRead)
        {
            var count = Math.Min(perRead, (slice.Length / size) - position);
            ReadExactly(handle, block.AsSpan(0, (int)((count - 1) * stride) + size), _header.Length + (position * stride) + ((long)index * size));
            for (var i = 0; i < count; i++)
            {
                block.AsSpan((int)(i * stride), size).CopyTo(slice.AsSpan((position + i) * size));
            }
        }
    }

    private void ReadExactly(SafeFileHandle handle, Span<byte> target, long offset)
    {
        while (!target.IsEmpty)
        {
            var count = RandomAccess.Read(handle, target, offset);
            if (count == 0)
            {
                throw SampleError.Unreadable(Name, "the file has become shorter since it was opened");
            }

            target = target[count..];
            offset += count;
        }
    }
}
