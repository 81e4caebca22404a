using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// What the integers of an input stand for: scale · (integer − zero point), with one scale and zero point for all of them or one for each channel. A zero point
/// need be no integer: the bytes of images that are normalized have the mean of their channel there.
/// </summary>
/// <param name="Type">Of the integers.</param>
/// <param name="Scales">One, or one a channel.</param>
/// <param name="ZeroPoints">As many.</param>
/// <param name="Axis">Of the channels, where there are several.</param>
internal sealed record IntegerMeaning(ElementType Type, ImmutableArray<float> Scales, ImmutableArray<double> ZeroPoints, int Axis)
{
    /// <summary>The same as what quantizes a tensor; null where nothing does that, for a zero point that is no integer of the type or one of several channels.</summary>
    public QuantizationParameters? Parameters =>
        Scales.Length == 1 && ZeroPoints[0] is var zero && zero == Math.Round(zero) && zero >= IntegerTypes.MinOf(Type) && zero <= IntegerTypes.MaxOf(Type)
            ? QuantizationParameters.PerTensor(Type, Scales[0], (int)zero)
            : null;

    /// <summary>All that integers of the type can stand for.</summary>
    public TensorRange Representable => Scales.Zip(ZeroPoints, (scale, zero) => new TensorRange(
        (float)((IntegerTypes.MinOf(Type) - zero) * scale), (float)((IntegerTypes.MaxOf(Type) - zero) * scale))).Aggregate((union, range) => union.Union(range));

    public static IntegerMeaning Of(QuantizationParameters parameters) => new(parameters.Type, [parameters.Scale], [parameters.ZeroPoint], 0);

    /// <summary>The number of the scale of each element of a tensor; null where the tensor has other channels.</summary>
    public Func<int, int>? ChannelsOf(ImmutableArray<long> dimensions)
    {
        if (Scales.Length == 1)
        {
            return _ => 0;
        }

        if (dimensions.Length <= Axis || dimensions[Axis] != Scales.Length)
        {
            return null;
        }

        var inner = (int)dimensions.Skip(Axis + 1).Aggregate(1L, (product, length) => product * length);
        return index => index / inner % Scales.Length;
    }
}
