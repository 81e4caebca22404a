using System.Globalization;
using QuantBuild.Onnx;

namespace QuantBuild.Data.Arrays;

/// <summary>An element type as .npy files write it (<c>&lt;f4</c>, <c>|u1</c>, <c>&gt;i8</c>, <c>&lt;U12</c>).</summary>
internal sealed record NumPyType(string Descriptor, char Kind, int Size, bool IsBigEndian)
{
    /// <summary>Longer text elements are a damaged header rather than data.</summary>
    private const int LargestText = 1 << 24;

    public bool IsText => Kind is 'U' or 'S';

    /// <summary>NumPy knows neither bfloat16 nor most small floats and integers, and writes them as bytes without a meaning.</summary>
    public bool IsOpaque => Kind == 'V' && Size is 1 or 2;

    /// <summary><see cref="ElementType.Undefined"/> where ONNX has no such type, or where only the model can tell.</summary>
    public ElementType ElementType => (Kind, Size) switch
    {
        ('f', 1) => ElementType.Float8E5M2,
        ('f', 2) => ElementType.Float16,
        ('f', 4) => ElementType.Float,
        ('f', 8) => ElementType.Double,
        ('i', 1) => ElementType.Int8,
        ('i', 2) => ElementType.Int16,
        ('i', 4) => ElementType.Int32,
        ('i', 8) => ElementType.Int64,
        ('c', 8) => ElementType.Complex64,
        ('c', 16) => ElementType.Complex128,
        ('U' or 'S', _) => ElementType.String,
        _ => UnsignedType,
    };

    private ElementType UnsignedType => (Kind, Size) switch
    {
        ('b', 1) => ElementType.Boolean,
        ('u', 1) => ElementType.UInt8,
        ('u', 2) => ElementType.UInt16,
        ('u', 4) => ElementType.UInt32,
        ('u', 8) => ElementType.UInt64,
        _ => ElementType.Undefined,
    };

    public static NumPyType? Parse(string descriptor)
    {
        if (descriptor.Length < 3 || descriptor[0] is not ('<' or '>' or '|' or '=')
            || !int.TryParse(descriptor.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            return null;
        }

        // Text counts characters: four bytes each in U, one in S
        var bytes = descriptor[1] == 'U' ? 4L * size : size;
        return bytes > LargestText ? null : new NumPyType(descriptor, descriptor[1], (int)bytes, descriptor[0] == '>');
    }

    public override string ToString() => ElementType == ElementType.Undefined ? Descriptor : ElementType.NumPyName();
}
