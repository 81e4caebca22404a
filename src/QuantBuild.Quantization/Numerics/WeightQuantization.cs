using System.Collections.Immutable;
using QuantBuild.Onnx;

namespace QuantBuild.Quantization.Numerics;

/// <summary>
/// Symmetric S8 weights, a scale for each output channel, that cannot saturate on an x64 without VNNI.
/// </summary>
/// <remarks>
/// There, VPMADDUBSW adds two products of an unsigned activation (0..255) and a signed weight in 16 bits with saturation. The
/// sum is exact for every activation if 255·(w₁⁺ + w₂⁺) ≤ 32767 and 255·(w₁⁻ + w₂⁻) ≤ 32768 for every pair of weights that
/// share a sum, so if the two largest of one sign add up to at most 128. That holds for 7-bit weights, and for more: where one weight
/// of a channel stands out, the others keep up to 8 bits. Which weights the kernels pair plays no part.
/// </remarks>
internal static class WeightQuantization
{
    private const int LargestPair = 128;

    /// <summary>
    /// Quantizes row-major <paramref name="weights"/> whose output channels lie on <paramref name="axis"/>. A channel's scale is at least
    /// its entry in <paramref name="smallestScales"/> (empty for none): what its int32 bias needs so as not to overflow.
    /// </summary>
    public static (TensorData Quantized, QuantizationParameters Parameters) Quantize(
        ReadOnlySpan<float> weights, ImmutableArray<long> dimensions, int axis, ReadOnlySpan<double> smallestScales)
    {
        var channels = (int)dimensions[axis];
        var inner = (int)dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
        var scales = new float[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            scales[channel] = (float)Math.Max(ScaleOf(Extremes.Of(weights, channel, channels, inner)), smallestScales.IsEmpty ? 0 : smallestScales[channel]);
        }

        Revive(scales);
        var quantized = new sbyte[weights.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            quantized[i] = (sbyte)Math.Clamp(Math.Round((double)weights[i] / scales[i / inner % channels], MidpointRounding.ToEven), -127, 127);
        }

        return (TensorData.Create<sbyte>(dimensions, quantized), new(ElementType.Int8, [.. scales], 0, axis));
    }

    /// <summary>The real values that quantized weights stand for.</summary>
    public static float[] Dequantize(TensorData quantized, QuantizationParameters parameters)
    {
        var axis = parameters.Axis!.Value;
        var inner = (int)quantized.Dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);
        var values = quantized.AsSpan<sbyte>();
        var result = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            result[i] = values[i] * parameters.Scales[i / inner % parameters.Scales.Length];
        }

        return result;
    }

    /// <summary>Rounding adds at most half a step to each of two weights, hence one step of reserve.</summary>
    private static double ScaleOf(Extremes extremes) => Math.Max(
        Math.Max(extremes.Positive, extremes.Negative) / 127,
        Math.Max(extremes.Positive + extremes.SecondPositive, extremes.Negative + extremes.SecondNegative) / (LargestPair - 1));

    /// <summary>A channel whose weights are all 0 takes the largest scale of the layer: any will do, but a denormal one would not.</summary>
    private static void Revive(Span<float> scales)
    {
        var largest = 0f;
        foreach (var scale in scales)
        {
            largest = Math.Max(largest, scale);
        }

        foreach (ref var scale in scales)
        {
            scale = scale < 1e-30f ? Math.Max(largest, 1e-6f) : scale;
        }
    }

    /// <summary>The two largest weights of each sign, as magnitudes.</summary>
    private readonly record struct Extremes(double Positive, double SecondPositive, double Negative, double SecondNegative)
    {
        public static Extremes Of(ReadOnlySpan<float> weights, int channel, int channels, int inner)
        {
            var (positive, secondPositive, negative, secondNegative) = (0f, 0f, 0f, 0f);
            for (var start = channel * inner; start < weights.Length; start += channels * inner)
            {
                foreach (var weight in weights.Slice(start, inner))
                {
                    if (weight > secondPositive)
                    {
                        (positive, secondPositive) = (Math.Max(positive, weight), Math.Min(positive, weight));
                    }
                    else if (-weight > secondNegative)
                    {
                        (negative, secondNegative) = (Math.Max(negative, -weight), Math.Min(negative, -weight));
                    }
                }
            }

            return new(positive, secondPositive, negative, secondNegative);
        }
    }
}
