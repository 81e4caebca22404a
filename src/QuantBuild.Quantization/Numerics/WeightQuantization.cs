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
        var tensor = elements.Derive<float>(elements.Dimensions, out var result);
        var bytes = elements.Bytes.Span;
        var isBytes = parameters.Type.BitsPerElement() == 8;
        foreach (var run in parameters.Granularity.Runs(elements.Dimensions))
        {
            if (isBytes)
            {
                Dequantize(bytes.Slice(run.Start, run.Length), result.Slice(run.Start, run.Length), run, parameters);
                continue;
            }

            for (var i = 0; i < run.Length; i++)
            {
                var group = run.GroupOf(i);
                result[run.Start + i] = AffineQuantization.Dequantize(IntegerTypes.At(elements, run.Start + i), parameters.Scales[group], parameters.ZeroPoints[group]);
            }
        }

        return tensor;
    }

    private static void Dequantize(ReadOnlySpan<byte> bytes, Span<float> result, GroupRun run, QuantizationParameters parameters)
    {
        var scales = parameters.Scales.AsSpan();
        var zeroPoints = parameters.ZeroPoints.AsSpan();
        var isSigned = parameters.Type == ElementType.Int8;
        for (var i = 0; i < bytes.Length; i++)
        {
            var group = run.GroupOf(i);
            result[i] = AffineQuantization.Dequantize(isSigned ? (sbyte)bytes[i] : bytes[i], scales[group], zeroPoints[group]);
        }
    }

    private static TensorData Quantize(TensorData weights, QuantizationParameters parameters, WeightScheme scheme)
    {
        var elements = weights.AsSpan<float>();
        var bounds = scheme.Bounds;
        var tensor = weights.Derive(scheme.Type, weights.Dimensions, out var bytes);
        var isBytes = scheme.Type.BitsPerElement() == 8;
        foreach (var run in parameters.Granularity.Runs(weights.Dimensions))
        {
            if (isBytes)
            {
                Bytes(elements.Slice(run.Start, run.Length), bytes.Slice(run.Start, run.Length), run, parameters, bounds);
                continue;
            }

            for (var i = 0; i < run.Length; i++)
            {
                var group = run.GroupOf(i);
                IntegerTypes.Set(bytes, scheme.Type, run.Start + i, Integer(elements[run.Start + i], parameters.Scales[group], parameters.ZeroPoints[group], bounds));
            }
        }

        return tensor;
    }

    private static int Integer(float element, double scale, int zeroPoint, (int Low, int High) bounds) =>
        (int)Math.Clamp(Math.Round(element / scale, MidpointRounding.ToEven) + zeroPoint, bounds.Low, bounds.High);

    private static void Bytes(ReadOnlySpan<float> elements, Span<byte> bytes, GroupRun run, QuantizationParameters parameters, (int Low, int High) bounds)
    {
        var scales = parameters.Scales.AsSpan();
        var zeroPoints = parameters.ZeroPoints.AsSpan();
        for (var i = 0; i < elements.Length; i++)
        {
            var group = run.GroupOf(i);
            bytes[i] = (byte)Integer(elements[i], scales[group], zeroPoints[group], bounds);
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
        var (low, high) = (IntegerTypes.MinOf(parameters.Type), IntegerTypes.MaxOf(parameters.Type));
        var errors = new double[scales.Length, FactorsOfFewBits.Length];
        foreach (var run in granularity.Runs(weights.Dimensions))
        {
            for (var i = 0; i < run.Length; i++)
            {
                var (element, index) = (elements[run.Start + i], run.GroupOf(i));
                for (var factor = 0; factor < FactorsOfFewBits.Length; factor++)
                {
                    var scale = scales[index] * FactorsOfFewBits[factor];
                    var error = element - (Math.Clamp(MathF.Round(element / scale), low - parameters.ZeroPoints[index], high - parameters.ZeroPoints[index]) * scale);
                    errors[index, factor] += error * error;
                }
            }
        }

        for (var index = 0; index < scales.Length; index++)
        {
            scales[index] *= FactorsOfFewBits[Enumerable.Range(0, FactorsOfFewBits.Length).MinBy(factor => errors[index, factor])];
        }
    }
}
