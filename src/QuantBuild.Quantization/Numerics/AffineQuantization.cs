using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>Pure arithmetic of scale and zero point, as ONNX defines QuantizeLinear: round half to even, then saturate.</summary>
internal static class AffineQuantization
{
    /// <summary>A tensor that was always 0 (or so small that its scale would be denormal) gets this range instead.</summary>
    private const float SmallestSpan = 1e-30f;

    /// <summary>
    /// Parameters for a range, widened to hold 0 (so that the zero point fits its type). The largest representable value never exceeds
    /// a positive upper end where the range begins at 0: a Clip at that end must be provably redundant.
    /// </summary>
    public static QuantizationParameters ChooseParameters(TensorRange observed, QuantizationScheme scheme)
    {
        var range = observed.IncludingZero();
        var (low, high) = (IntegerTypes.MinOf(scheme.Type), IntegerTypes.MaxOf(scheme.Type));
        var middle = IntegerTypes.MiddleOf(scheme.Type);
        var span = scheme.IsSymmetric ? Math.Max(-(double)range.Min, range.Max) : (double)range.Max - range.Min;
        if (span < SmallestSpan)
        {
            return QuantizationParameters.PerTensor(scheme.Type, 1f / (high - low), scheme.IsSymmetric ? middle : low);
        }

        var scale = (float)(span / (scheme.IsSymmetric ? high - middle : high - low));
        if (scheme.IsPowerOfTwo)
        {
            scale = NextPowerOfTwo(scale);
        }

        var zeroPoint = scheme.IsSymmetric ? middle : (int)Math.Clamp(Math.Round(low - (range.Min / (double)scale), MidpointRounding.ToEven), low, high);
        while (!scheme.IsPowerOfTwo && range.Min == 0 && (high - zeroPoint) * scale > range.Max)
        {
            scale = float.BitDecrement(scale);
        }

        return QuantizationParameters.PerTensor(scheme.Type, scale, zeroPoint);
    }

    /// <summary>The smallest power of two that is not below <paramref name="scale"/>.</summary>
    public static float NextPowerOfTwo(float scale)
    {
        var power = MathF.ScaleB(1, MathF.ILogB(scale));
        return power < scale ? power * 2 : power;
    }

    public static int Quantize(float value, float scale, int zeroPoint, ElementType type) =>
        (int)Math.Clamp(Math.Round((double)value / scale, MidpointRounding.ToEven) + zeroPoint, IntegerTypes.MinOf(type), IntegerTypes.MaxOf(type));

    public static float Dequantize(int value, float scale, int zeroPoint) => (value - zeroPoint) * scale;
}
