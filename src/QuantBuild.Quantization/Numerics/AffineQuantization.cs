using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>Pure arithmetic of scale and zero point, as ONNX defines QuantizeLinear: round half to even, then saturate.</summary>
internal static class AffineQuantization
{
    /// <summary>A tensor that was always 0 (or so small that its scale would be denormal) gets this range instead.</summary>
    private const float SmallestSpan = 1e-30f;

    public static int MinOf(ElementType type) => type switch
    {
        ElementType.UInt8 => 0,
        ElementType.Int8 => -128,
        ElementType.Int32 => int.MinValue,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static int MaxOf(ElementType type) => type switch
    {
        ElementType.UInt8 => 255,
        ElementType.Int8 => 127,
        ElementType.Int32 => int.MaxValue,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>
    /// Asymmetric parameters for a range, widened to hold 0 (so that the zero point fits its type). The largest representable value never exceeds
    /// a positive upper end: a Clip at that end must be provably redundant.
    /// </summary>
    public static QuantizationParameters ChooseParameters(TensorRange observed, ElementType type)
    {
        var range = observed.IncludingZero();
        var (low, high) = (MinOf(type), MaxOf(type));
        var span = (double)range.Max - range.Min;
        if (span < SmallestSpan)
        {
            return new(type, [1f / (high - low)], low, null);
        }

        var scale = (float)(span / (high - low));
        var zeroPoint = (int)Math.Clamp(Math.Round(low - (range.Min / (double)scale), MidpointRounding.ToEven), low, high);
        while (range.Min == 0 && (high - zeroPoint) * scale > range.Max)
        {
            scale = float.BitDecrement(scale);
        }

        return new(type, [scale], zeroPoint, null);
    }

    public static int Quantize(float value, float scale, int zeroPoint, ElementType type) =>
        (int)Math.Clamp(Math.Round((double)value / scale, MidpointRounding.ToEven) + zeroPoint, MinOf(type), MaxOf(type));

    public static float Dequantize(int value, float scale, int zeroPoint) => (value - zeroPoint) * scale;
}
