using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// real = (quantized − zero point) · scale. A scale and a zero point for each group of elements that <paramref name="Granularity"/> makes.
/// </summary>
internal sealed record QuantizationParameters(ElementType Type, Granularity Granularity, ImmutableArray<float> Scales, ImmutableArray<int> ZeroPoints)
{
    public float Scale => Scales[0];

    public int ZeroPoint => ZeroPoints[0];

    /// <summary>The smallest and the largest real value that the type can hold under the first scale.</summary>
    public TensorRange Representable => new((IntegerTypes.MinOf(Type) - ZeroPoint) * Scale, (IntegerTypes.MaxOf(Type) - ZeroPoint) * Scale);

    public static QuantizationParameters PerTensor(ElementType type, float scale, int zeroPoint) =>
        new(type, new Granularity.PerTensor(), [scale], [zeroPoint]);

    /// <summary>Those of the matrix of <paramref name="dimensions"/> with its axes swapped.</summary>
    public QuantizationParameters Transpose(ImmutableArray<long> dimensions) => Granularity switch
    {
        Granularity.PerChannel channels => this with { Granularity = new Granularity.PerChannel(1 - channels.Axis) },
        Granularity.PerBlock blocks => this with
        {
            Granularity = new Granularity.PerBlock(1 - blocks.Axis, blocks.Size),
            Scales = Transpose(Scales, (int)Granularity.ScaleDimensions(dimensions)[1]),
            ZeroPoints = Transpose(ZeroPoints, (int)Granularity.ScaleDimensions(dimensions)[1]),
        },
        _ => this,
    };

    /// <summary>Two tensors have the same parameters where every scale and zero point is the same.</summary>
    public bool Equals(QuantizationParameters? other) =>
        other is not null && Type == other.Type && Granularity == other.Granularity && Scales.SequenceEqual(other.Scales) && ZeroPoints.SequenceEqual(other.ZeroPoints);

    public override int GetHashCode() => HashCode.Combine(Type, Granularity, Scale, ZeroPoint, Scales.Length);

    private static ImmutableArray<T> Transpose<T>(ImmutableArray<T> matrix, int columns)
    {
        var rows = matrix.Length / columns;
        return [.. Enumerable.Range(0, matrix.Length).Select(index => matrix[(index % rows * columns) + (index / rows)])];
    }
}
