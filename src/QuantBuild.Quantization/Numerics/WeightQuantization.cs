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
    /// Quantizes weights whose output channels lie on <paramref name="axis"/>. A channel's scale is at least
    /// its entry in <paramref name="smallestScales"/> (empty for none): what its int32 bias needs so as not to overflow.
    /// </summary>
    public static (TensorData Quantized, QuantizationParameters Parameters) Quantize(TensorData weights, int axis, ReadOnlySpan<double> smallestScales)
    {
        var scales = Scales(weights, axis, smallestScales);
        var elements = weights.AsSpan<float>();
        var tensor = weights.Derive<sbyte>(weights.Dimensions, out var quantized);
        var (inner, channel) = (InnerLength(weights, axis), 0);
        for (var start = 0; start < elements.Length; start += inner)
        {
            double scale = scales[channel];
            for (var i = start; i < start + inner; i++)
            {
                quantized[i] = (sbyte)Math.Clamp(Math.Round(elements[i] / scale, MidpointRounding.ToEven), -127, 127);
            }

            channel = channel + 1 == scales.Length ? 0 : channel + 1;
        }

        return (tensor, new(ElementType.Int8, [.. scales], 0, axis));
    }

    /// <summary>The scales of <see cref="Quantize"/>, one for each output channel.</summary>
    public static float[] Scales(TensorData weights, int axis, ReadOnlySpan<double> smallestScales)
    {
        var extremes = Extremes.Of(weights, axis);
        var scales = new float[extremes.Length];
        for (var channel = 0; channel < scales.Length; channel++)
        {
            scales[channel] = (float)Math.Max(ScaleOf(extremes[channel]), smallestScales.IsEmpty ? 0 : smallestScales[channel]);
        }

        Revive(scales);
        return scales;
    }

    /// <summary>The real values that quantized weights stand for.</summary>
    public static TensorData Dequantize(TensorData quantized, QuantizationParameters parameters)
    {
        var values = quantized.AsSpan<sbyte>();
        var tensor = quantized.Derive<float>(quantized.Dimensions, out var result);
        var (inner, channel) = (InnerLength(quantized, parameters.Axis!.Value), 0);
        for (var start = 0; start < values.Length; start += inner)
        {
            var scale = parameters.Scales[channel];
            for (var i = start; i < start + inner; i++)
            {
                result[i] = values[i] * scale;
            }

            channel = channel + 1 == parameters.Scales.Length ? 0 : channel + 1;
        }

        return tensor;
    }

    private static int InnerLength(TensorData weights, int axis) => (int)weights.Dimensions.Skip(axis + 1).Aggregate(1L, (product, length) => product * length);

    /// <summary>Rounding adds at most half a step to each of two weights, hence one step of reserve.</summary>
    private static double ScaleOf(Extremes extremes) => Math.Max(
        Math.Max(extremes.Positive, extremes.Negative) / 127.0,
        Math.Max((double)extremes.Positive + extremes.SecondPositive, (double)extremes.Negative + extremes.SecondNegative) / (LargestPair - 1));

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
    private struct Extremes
    {
        public float Positive;
        public float SecondPositive;
        public float Negative;
        public float SecondNegative;

        /// <summary>Those of each channel, in one pass from the first weight to the last: the weights may have to come from the disk.</summary>
        public static Extremes[] Of(TensorData weights, int axis)
        {
            var extremes = new Extremes[weights.Dimensions[axis]];
            var elements = weights.AsSpan<float>();
            var (inner, channel) = (InnerLength(weights, axis), 0);
            for (var start = 0; start < elements.Length; start += inner)
            {
                ref var own = ref extremes[channel];
                foreach (var weight in elements.Slice(start, inner))
                {
                    own.Add(weight);
                }

                channel = channel + 1 == extremes.Length ? 0 : channel + 1;
            }

            return extremes;
        }

        private void Add(float weight)
        {
            if (weight > SecondPositive)
            {
                (Positive, SecondPositive) = (Math.Max(Positive, weight), Math.Min(Positive, weight));
            }
            else if (-weight > SecondNegative)
            {
                (Negative, SecondNegative) = (Math.Max(Negative, -weight), Math.Min(Negative, -weight));
            }
        }
    }
}
