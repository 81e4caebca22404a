using System.Numerics;

namespace QuantBuild.Quantization.Calibration.Statistics;

/// <summary>
/// A sum of doubles without any rounding: an integer multiple of 2⁻¹⁰⁷⁴, of which every double is one. So it does not depend on the order.
/// </summary>
internal readonly record struct ExactSum(BigInteger Units)
{
    private const int UnitExponent = -1074;
    private const int MantissaBits = 52;
    private const int ExponentMask = 0x7FF;

    /// <summary>Bits kept below a unit when a mean is taken.</summary>
    private const int GuardBits = 64;

    /// <summary>Bits of a mean that are looked at: more than a double has, and fewer than its exponents allow.</summary>
    private const int MeanBits = 128;

    public static ExactSum operator +(ExactSum left, ExactSum right) => new(left.Units + right.Units);

    /// <exception cref="ArgumentException">The value is NaN or infinite.</exception>
    public static ExactSum Of(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentException("Only finite values have a sum.", nameof(value));
        }

        var bits = BitConverter.DoubleToInt64Bits(value);
        var (exponent, fraction) = ((int)(bits >> MantissaBits) & ExponentMask, bits & ((1L << MantissaBits) - 1));
        var mantissa = exponent == 0 ? fraction : fraction | (1L << MantissaBits);
        var units = new BigInteger(mantissa) << Math.Max(exponent - 1, 0);
        return new(bits < 0 ? -units : units);
    }

    /// <summary>The mean of that many terms, as a double.</summary>
    public double Mean(long count)
    {
        var mean = (Units << GuardBits) / count;
        var beyond = (int)Math.Max(mean.GetBitLength() - MeanBits, 0);
        return Math.ScaleB((double)(mean >> beyond), beyond + UnitExponent - GuardBits);
    }
}
