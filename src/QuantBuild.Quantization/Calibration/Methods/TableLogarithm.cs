using System.Runtime.CompilerServices;

namespace QuantBuild.Quantization.Calibration.Methods;

/// <summary>
/// The natural logarithm of positive normal numbers within 10⁻¹⁰: from a table of 128 intervals and three terms of the series around each.
/// Faster than the platform's, and the same on every platform, so that all of them choose the same range.
/// </summary>
internal static class TableLogarithm
{
    private const int IntervalBits = 7;
    private const int MantissaBits = 52;
    private const int ExponentBias = 1023;
    private const double LogarithmOf2 = 0.693147180559945309;

    private static readonly double[] Reciprocals = Table(center => 1 / center);
    private static readonly double[] Logarithms = Table(center => Math.Round(Math.Log(center), 13));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Of(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var interval = (int)(bits >> (MantissaBits - IntervalBits)) & ((1 << IntervalBits) - 1);
        var mantissa = BitConverter.Int64BitsToDouble((bits & ((1L << MantissaBits) - 1)) | ((long)ExponentBias << MantissaBits));
        var offset = (mantissa * Reciprocals[interval]) - 1;
        var series = offset * (1 - (offset * (0.5 - (offset / 3))));
        return (((bits >> MantissaBits) - ExponentBias) * LogarithmOf2) + Logarithms[interval] + series;
    }

    private static double[] Table(Func<double, double> ofCenter)
    {
        var table = new double[1 << IntervalBits];
        for (var interval = 0; interval < table.Length; interval++)
        {
            table[interval] = ofCenter(1 + ((interval + 0.5) / table.Length));
        }

        return table;
    }
}
