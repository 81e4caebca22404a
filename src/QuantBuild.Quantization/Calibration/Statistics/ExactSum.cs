using System.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>
/// A sum of floats without any rounding: an integer multiple of 2⁻¹⁴⁹, of which every float is one. So it does not depend on the order.
/// </summary>
internal readonly record struct ExactSum(BigInteger Units)
{
    private const int UnitExponent = -149;
    private const int MantissaBits = 23;

    /// <summary>Bits kept below a unit when a mean is taken.</summary>
    private const int GuardBits = 64;

    public static ExactSum operator +(ExactSum left, ExactSum right) => new(left.Units + right.Units);

    /// <exception cref="ArgumentException">The value is NaN or infinite.</exception>
    public static ExactSum Of(float value)
    {
        if (!float.IsFinite(value))
        {
            throw new ArgumentException("Only finite values have a sum.", nameof(value));
        }

        var bits = BitConverter.SingleToInt32Bits(value);
        var (exponent, fraction) = ((bits >> MantissaBits) & 0xFF, bits & ((1 << MantissaBits) - 1));
        var mantissa = exponent == 0 ? fraction : fraction | (1 << MantissaBits);
        var units = new BigInteger(mantissa) << Math.Max(exponent - 1, 0);
        return new(bits < 0 ? -units : units);
    }

    /// <summary>The mean of that many terms, rounded once.</summary>
    public double Mean(long count) => Math.ScaleB((double)((Units << GuardBits) / count), UnitExponent - GuardBits);
}
