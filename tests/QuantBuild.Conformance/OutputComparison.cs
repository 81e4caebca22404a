using System.Globalization;
using System.Runtime.InteropServices;
using QuantBuild.Onnx;

namespace QuantBuild.Conformance;

/// <summary>Compares an output of the quantized model with that of the float model.</summary>
internal static class OutputComparison
{
    private const double LowestSqnrDb = 10;

    /// <summary>What is wrong, or null. Both are null for an output that is no tensor, which is not compared.</summary>
    public static (string Kind, string Detail)? Difference(TensorData? expected, TensorData? actual, bool comparesValues)
    {
        if (expected is null || actual is null)
        {
            return expected is null && actual is null ? null : ("output type", "a tensor and none");
        }

        if (expected.Type != actual.Type || !expected.Dimensions.AsSpan().SequenceEqual(actual.Dimensions.AsSpan()))
        {
            return ("output type", $"{expected} became {actual}");
        }

        if (!comparesValues)
        {
            return null;
        }

        return Elements(expected) is { } reference
            ? LowSqnr(reference, Elements(actual)!)
            : AreSame(expected, actual) ? null : ("values", $"{expected} has other elements");
    }

    public static bool AreSame(TensorData first, TensorData second) =>
        first.Bytes.Span.SequenceEqual(second.Bytes.Span) && first.Strings.Zip(second.Strings).All(pair => pair.First.Span.SequenceEqual(pair.Second.Span));

    private static (string Kind, string Detail)? LowSqnr(double[] expected, double[] actual)
    {
        var (signal, noise) = (0.0, 0.0);
        foreach (var (reference, element) in expected.Zip(actual))
        {
            if (!double.IsFinite(reference) || !double.IsFinite(element))
            {
                if (!reference.Equals(element))
                {
                    return ("values", string.Create(CultureInfo.InvariantCulture, $"{reference} became {element}"));
                }

                continue;
            }

            signal += reference * reference;
            noise += (reference - element) * (reference - element);
        }

        var sqnrDb = 10 * Math.Log10(signal / noise);
        return noise == 0 || sqnrDb >= LowestSqnrDb ? null : ("sqnr", string.Create(CultureInfo.InvariantCulture, $"{sqnrDb:f1} dB"));
    }

    /// <summary>Null for what is no floating point of 16 bits or more.</summary>
    private static double[]? Elements(TensorData tensor) => tensor.Type switch
    {
        ElementType.Float => [.. Cast<float>(tensor).Select(element => (double)element)],
        ElementType.Double => Cast<double>(tensor),
        ElementType.Float16 => [.. Cast<Half>(tensor).Select(element => (double)element)],
        ElementType.BFloat16 => [.. Cast<ushort>(tensor).Select(element => (double)BitConverter.Int32BitsToSingle(element << 16))],
        _ => null,
    };

    private static T[] Cast<T>(TensorData tensor)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(tensor.Bytes.Span).ToArray();
}
