using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// real = (quantized − zero point) · scale. One scale, or one a channel along <paramref name="Axis"/>; weights are symmetric,
/// their zero points are 0.
/// </summary>
internal sealed record QuantizationParameters(ElementType Type, ImmutableArray<float> Scales, int ZeroPoint, int? Axis)
{
    public float Scale => Scales[0];

    /// <summary>The smallest and the largest real value that the type can hold under these parameters.</summary>
    public TensorRange Representable => new((AffineQuantization.MinOf(Type) - ZeroPoint) * Scale, (AffineQuantization.MaxOf(Type) - ZeroPoint) * Scale);
}
