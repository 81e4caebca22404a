using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Numerics;

internal sealed record QuantizedWeights(TensorData Elements, QuantizationParameters Parameters)
{
    /// <summary>A matrix with its axes swapped, those of its scales with them.</summary>
    public QuantizedWeights Transpose()
    {
        var (rows, columns) = ((int)Elements.Dimensions[0], (int)Elements.Dimensions[1]);
        var transposed = Elements.Derive(Elements.Type, [columns, rows], out var bytes);
        for (var i = 0; i < rows * columns; i++)
        {
            IntegerTypes.Set(bytes, Elements.Type, (i % columns * rows) + (i / columns), IntegerTypes.At(Elements, i));
        }

        return new(transposed, Parameters.Transpose(Elements.Dimensions));
    }
}

/// <summary>Quantizes constant weights; by default so that they cannot saturate on an x64 without VNNI.</summary>
/// <remarks>
/// There, VPMADDUBSW adds two products of an unsigned activation (0..255) and a signed weight in 16 bits with saturation. The
/// sum is exact for every activation if 255·(w₁⁺ + w₂⁺) ≤ 32767 and 255·(w₁⁻ + w₂⁻) ≤ 32768 for every pair of weights, so if those of one
/// sign add up to at most 128 in each. That holds for 7-bit weights, and for more: weights that are large seldom are a pair.
/// </remarks>
internal static class WeightQuantization
{
    private const int LargestPair = 128;
    private const float SmallestScale = 1e-30f;

    /// <summary>
    /// What 4 bits try: clipping the ends a little costs less than coarser steps for all the rest. Group by group the factor with the least
    /// squared error is taken.
    /// </summary>
    private static readonly ImmutableArray<float> FactorsOfFewBits = [1f, 0.95f, 0.9f, 0.85f, 0.8f, 0.75f, 0.7f, 0.65f, 0.6f];

    /// <summary>Which weights share a scale, where output channels lie on <paramref name="channelAxis"/> and <paramref name="sumAxis"/> is summed over.</summary>
    public static Granularity GranularityOf(WeightScheme scheme, int channelAxis, int sumAxis) => scheme.Granularity switch
    {
        WeightGranularity.PerTensor => new Granularity.PerTensor(),
        WeightGranularity.PerBlock => new Granularity.PerBlock(sumAxis, scheme.BlockSize),
        _ => new Granularity.PerChannel(channelAxis),
    };

    /// <summary>
    /// Quantizes float weights whose output channels lie on <paramref name="channelAxis"/>. A channel's scale is at least
    /// its entry in <paramref name="smallestScales"/> (empty for none): what its int32 bias needs so as not to overflow.
    /// </summary>
    public static QuantizedWeights Quantize(TensorData weights, int channelAxis, Granularity granularity, WeightScheme scheme, ImmutableArray<double> smallestScales)
    {
        var extremes = ExtremesOf(weights, channelAxis, granularity, scheme);
        var zeroPoints = Array.ConvertAll(extremes, entry => ZeroPointOf(entry, scheme));
        var scales = Array.ConvertAll(extremes, entry => (float)ScaleOf(entry, scheme));
        if (granularity is Granularity.PerTensor)
        {
            (scales, zeroPoints) = ([scales.Max()], [zeroPoints[0]]);
        }

        for (var i = 0; i < smallestScales.Length; i++)
        {
            var group = scales.Length == 1 ? 0 : i;
            scales[group] = Math.Max(scales[group], (float)smallestScales[i]);
        }

        Revive(scales);
        if (scheme is { IsPowerOfTwo: false, Range: WeightRange.Full } && scheme.Type.BitsPerElement() == 4)
        {
            Refine(weights, granularity, new(scheme.Type, granularity, [.. scales], [.. zeroPoints]), scales);
        }

        QuantizationParameters parameters = new(
            scheme.Type, granularity, [.. scheme.IsPowerOfTwo ? scales.Select(AffineQuantization.NextPowerOfTwo) : scales], [.. zeroPoints]);
        return new(Quantize(weights, parameters, scheme), parameters);
    }

    /// <summary>The real values that quantized weights stand for.</summary>
    public static TensorData Dequantize(QuantizedWeights weights)
    {
        var (elements, parameters) = weights;
        var group = parameters.Granularity.GroupOf(elements.Dimensions);
        var run = parameters.Granularity.RunLength(elements.Dimensions);
        var tensor = elements.Derive<float>(elements.Dimensions, out var result);
        var bytes = elements.Bytes.Span;
        var isBytes = parameters.Type.BitsPerElement() == 8;
        for (var start = 0; start < result.Length; start += run)
        {
            var index = group(start);
            var (scale, zeroPoint) = (parameters.Scales[index], parameters.ZeroPoints[index]);
            if (isBytes)
            {
                Dequantize(bytes.Slice(start, run), parameters.Type, result.Slice(start, run), (scale, zeroPoint));
                continue;
            }

            for (var i = start; i < start + run; i++)
            {
                result[i] = AffineQuantization.Dequantize(IntegerTypes.At(elements, i), scale, zeroPoint);
            }
        }

        return tensor;
    }

    private static void Dequantize(ReadOnlySpan<byte> bytes, ElementType type, Span<float> result, (float Scale, int ZeroPoint) step)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            result[i] = AffineQuantization.Dequantize(type == ElementType.Int8 ? (sbyte)bytes[i] : bytes[i], step.Scale, step.ZeroPoint);
        }
    }

    private static TensorData Quantize(TensorData weights, QuantizationParameters parameters, WeightScheme scheme)
    {
        var elements = weights.AsSpan<float>();
        var group = parameters.Granularity.GroupOf(weights.Dimensions);
        var run = parameters.Granularity.RunLength(weights.Dimensions);
        var (low, high) = scheme.Bounds;
        var tensor = weights.Derive(scheme.Type, weights.Dimensions, out var bytes);
        var isBytes = scheme.Type.BitsPerElement() == 8;
        for (var start = 0; start < elements.Length; start += run)
        {
            var index = group(start);
            var (scale, zeroPoint) = ((double)parameters.Scales[index], parameters.ZeroPoints[index]);
            if (isBytes)
            {
                Bytes(elements.Slice(start, run), bytes.Slice(start, run), scale, (zeroPoint, low, high));
                continue;
            }

            for (var i = start; i < start + run; i++)
            {
                IntegerTypes.Set(bytes, scheme.Type, i, Integer(elements[i], scale, (zeroPoint, low, high)));
            }
        }

        return tensor;
    }

    private static int Integer(float element, double scale, (int ZeroPoint, int Low, int High) type) =>
        (int)Math.Clamp(Math.Round(element / scale, MidpointRounding.ToEven) + type.ZeroPoint, type.Low, type.High);

    private static void Bytes(ReadOnlySpan<float> elements, Span<byte> bytes, double scale, (int ZeroPoint, int Low, int High) type)
    {
        for (var i = 0; i < elements.Length; i++)
        {
            bytes[i] = (byte)Integer(elements[i], scale, type);
        }
    }

    /// <summary>Of each group; of each channel where one scale serves all, since only weights of one channel meet in a sum.</summary>
    private static WeightExtremes[] ExtremesOf(TensorData weights, int channelAxis, Granularity granularity, WeightScheme scheme) => scheme.Range == WeightRange.KernelPairs
        ? WeightExtremes.OfKernelPairs(weights, KernelOrder.Of(weights.Dimensions, channelAxis))
        : WeightExtremes.Of(weights, granularity is Granularity.PerTensor && scheme.IsSymmetric ? new Granularity.PerChannel(channelAxis) : granularity);

    private static int ZeroPointOf(WeightExtremes extremes, WeightScheme scheme)
    {
        var (low, high) = (IntegerTypes.MinOf(scheme.Type), IntegerTypes.MaxOf(scheme.Type));
        var scale = ScaleOf(extremes, scheme);
        return scheme.IsSymmetric || scale < SmallestScale
            ? IntegerTypes.MiddleOf(scheme.Type)
            : (int)Math.Clamp(Math.Round(low + (extremes.Negative / scale), MidpointRounding.ToEven), low, high);
    }

    /// <summary>Two weights that both take the upper of their neighbours add up to less than two steps more, to 128 at most where they are 127.</summary>
    private static double ScaleOf(WeightExtremes extremes, WeightScheme scheme)
    {
        if (!scheme.IsSymmetric)
        {
            return ((double)extremes.Positive + extremes.Negative) / (IntegerTypes.MaxOf(scheme.Type) - IntegerTypes.MinOf(scheme.Type));
        }

        var scale = Math.Max(extremes.Positive, extremes.Negative) / (double)scheme.LargestMagnitude;
        return scheme.Range is WeightRange.KernelPairs or WeightRange.AnyPair
            ? Math.Max(scale, Math.Max((double)extremes.PositivePair, extremes.NegativePair) / (LargestPair - 1))
            : scale;
    }

    /// <summary>A group whose weights are all 0 takes the largest scale of the layer: any will do, but a denormal one would not.</summary>
    private static void Revive(float[] scales)
    {
        var largest = scales.Length == 0 ? 0 : scales.Max();
        for (var i = 0; i < scales.Length; i++)
        {
            scales[i] = scales[i] < SmallestScale ? Math.Max(largest, 1e-6f) : scales[i];
        }
    }

    private static void Refine(TensorData weights, Granularity granularity, QuantizationParameters parameters, float[] scales)
    {
        var elements = weights.AsSpan<float>();
        var group = granularity.GroupOf(weights.Dimensions);
        var (low, high) = (IntegerTypes.MinOf(parameters.Type), IntegerTypes.MaxOf(parameters.Type));
        var errors = new double[scales.Length, FactorsOfFewBits.Length];
        for (var i = 0; i < elements.Length; i++)
        {
            var index = group(i);
            for (var factor = 0; factor < FactorsOfFewBits.Length; factor++)
            {
                var scale = scales[index] * FactorsOfFewBits[factor];
                var error = elements[i] - ((Math.Clamp(MathF.Round(elements[i] / scale), low - parameters.ZeroPoints[index], high - parameters.ZeroPoints[index])) * scale);
                errors[index, factor] += error * error;
            }
        }

        for (var index = 0; index < scales.Length; index++)
        {
            scales[index] *= FactorsOfFewBits[Enumerable.Range(0, FactorsOfFewBits.Length).MinBy(factor => errors[index, factor])];
        }
    }
}
