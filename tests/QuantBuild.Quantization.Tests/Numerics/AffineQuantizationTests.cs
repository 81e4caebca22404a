using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class AffineQuantizationTests
{
    private static readonly QuantizationScheme U8 = new(ElementType.UInt8, false, false);
    private static readonly float[] Article = [0.5f, 1.0f, 1.5f, 2.0f];

    /// <summary>
    /// The article quantizes [0.5, 1.0, 1.5, 2.0] with scale = (max − min) / 255 and zero point = −min / scale. That is −85, which no
    /// unsigned byte can hold: stored as 0, the reals from 0.5 to 2.0 become 0 to 1.5.
    /// </summary>
    [Test]
    public void ArticleExample_RangeWithoutZero_ZeroPointDoesNotFitItsType()
    {
        var scale = (2.0 - 0.5) / 255;
        var zeroPoint = Math.Round(-0.5 / scale);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(zeroPoint, Is.EqualTo(-85));
            Assert.That(zeroPoint, Is.LessThan(IntegerTypes.MinOf(ElementType.UInt8)));
        }
    }

    /// <summary>Widening to [0, 2] brings the zero point to 0 and costs a third of the resolution: steps of 2/255 instead of 1.5/255.</summary>
    [Test]
    public void ArticleExample_RangeWithZero_EveryValueWithinHalfAStep()
    {
        var parameters = AffineQuantization.ChooseParameters(new(0.5f, 2.0f), U8);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.ZeroPoint, Is.Zero);
            Assert.That(parameters.Scale, Is.EqualTo(2f / 255).Within(1).Ulps);
            Assert.That(parameters.Scale / (1.5f / 255), Is.EqualTo(4f / 3).Within(1e-6f));
            foreach (var value in Article)
            {
                var quantized = AffineQuantization.Quantize(value, parameters.Scale, parameters.ZeroPoint, ElementType.UInt8);
                Assert.That(AffineQuantization.Dequantize(quantized, parameters.Scale, parameters.ZeroPoint), Is.EqualTo(value).Within(parameters.Scale / 2));
            }
        }
    }

    [TestCase(-1f, 2f, 3f / 255, 85)]
    [TestCase(-1f, 0f, 1f / 255, 255)]
    [TestCase(0f, 6f, 6f / 255, 0)]
    [TestCase(-3f, -1f, 3f / 255, 255)]
    public void ChooseParameters_Range_GivesScaleAndZeroPoint(float min, float max, float scale, int zeroPoint)
    {
        var parameters = AffineQuantization.ChooseParameters(new(min, max), U8);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Scale, Is.EqualTo(scale).Within(1).Ulps);
            Assert.That(parameters.ZeroPoint, Is.EqualTo(zeroPoint));
        }
    }

    [TestCase(ElementType.Int8, false, -1f, 2f, 3f / 255, -43)]
    [TestCase(ElementType.Int8, true, -1f, 2f, 2f / 127, 0)]
    [TestCase(ElementType.UInt8, true, -1f, 2f, 2f / 127, 128)]
    [TestCase(ElementType.UInt16, false, -1f, 2f, 3f / 65535, 21845)]
    [TestCase(ElementType.Int16, true, -4f, 2f, 4f / 32767, 0)]
    public void ChooseParameters_TypeAndSymmetry_GiveScaleAndZeroPoint(ElementType type, bool isSymmetric, float min, float max, float scale, int zeroPoint)
    {
        var parameters = AffineQuantization.ChooseParameters(new(min, max), new(type, isSymmetric, false));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Scale, Is.EqualTo(scale).Within(1).Ulps);
            Assert.That(parameters.ZeroPoint, Is.EqualTo(zeroPoint));
        }
    }

    [TestCase(3f, 4f)]
    [TestCase(4f, 4f)]
    [TestCase(0.3f, 0.5f)]
    public void NextPowerOfTwo_Scale_IsNotBelowIt(float scale, float power) => Assert.That(AffineQuantization.NextPowerOfTwo(scale), Is.EqualTo(power));

    [Test]
    public void ToTensor_FourBits_PutsTheFirstIntoTheLowHalf()
    {
        var tensor = IntegerTypes.ToTensor(ElementType.Int4, [3], [-8, 7, -1]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensor.Bytes.ToArray(), Is.EqualTo(new byte[] { 0x78, 0x0F }));
            Assert.That(Enumerable.Range(0, 3).Select(index => IntegerTypes.At(tensor, index)), Is.EqualTo([-8, 7, -1]));
        }
    }

    [Test]
    public void ChooseParameters_AlwaysZero_HasAUsableScale() =>
        Assert.That(AffineQuantization.ChooseParameters(TensorRange.Empty, U8).Scale, Is.GreaterThan(1e-6f));

    /// <summary>Otherwise ONNX Runtime does not see that a Clip at 6 is redundant, and the convolution before it stays unfused.</summary>
    [Test]
    public void ChooseParameters_UpperEnd_IsNeverExceeded()
    {
        for (var end = 0.01f; end < 50; end *= 1.0173f)
        {
            Assert.That(AffineQuantization.ChooseParameters(new(0, end), U8).Representable.Max, Is.LessThanOrEqualTo(end));
        }
    }

    [TestCase(0.5f, 0)]
    [TestCase(1.5f, 2)]
    [TestCase(2.5f, 2)]
    [TestCase(300f, 255)]
    [TestCase(-7f, 0)]
    public void Quantize_TiesAndEnds_RoundToEvenAndSaturate(float value, int expected) =>
        Assert.That(AffineQuantization.Quantize(value, 1, 0, ElementType.UInt8), Is.EqualTo(expected));

    [Test]
    public void Rounded_LastBits_DoNotMatter()
    {
        var range = new TensorRange(-1.2345678f, 9.8765432f);
        var other = new TensorRange(float.BitIncrement(range.Min), float.BitDecrement(range.Max));

        Assert.That(other.Rounded(), Is.EqualTo(range.Rounded()));
    }
}
