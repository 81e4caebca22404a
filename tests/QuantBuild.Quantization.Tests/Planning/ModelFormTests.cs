using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

internal sealed class ModelFormTests
{
    [Test]
    public void Of_Defaults_AreU8TimesS8PerChannelThatCannotSaturate()
    {
        var form = ModelForm.Of(new());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(form.Activations, Is.EqualTo(new QuantizationScheme(ElementType.UInt8, false, false)));
            Assert.That(form.Weights, Is.EqualTo(new WeightScheme(ElementType.Int8, true, false, WeightGranularity.PerChannel, 32, WeightRange.KernelPairs)));
            Assert.That(form.HasFloatBias, Is.False);
        }
    }

    [TestCase(TargetName.Vnni, ElementType.UInt8, false, WeightRange.Full)]
    [TestCase(TargetName.Arm64, ElementType.Int8, false, WeightRange.AnyPair)]
    [TestCase(TargetName.Portable, ElementType.Int8, true, WeightRange.AnyPair)]
    public void Of_Target_DecidesTypeAndScheme(TargetName target, ElementType activations, bool isSymmetric, WeightRange range)
    {
        var form = ModelForm.Of(new() { Target = target });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(form.Activations, Is.EqualTo(new QuantizationScheme(activations, isSymmetric, false)));
            Assert.That(form.Weights.Range, Is.EqualTo(range));
            Assert.That(form.HasFloatBias, Is.EqualTo(target == TargetName.Portable));
        }
    }

    /// <summary>Which weights meet is known of the kernels that multiply U8 by S8.</summary>
    [Test]
    public void Of_SignedActivations_TakeAnyTwoWeightsForAPair() =>
        Assert.That(ModelForm.Of(new() { ActivationType = QuantizedType.S8 }).Weights.Range, Is.EqualTo(WeightRange.AnyPair));

    [TestCase(true, WeightRange.Reduced)]
    [TestCase(false, WeightRange.Full)]
    public void Of_ReduceRange_OverrulesTheTarget(bool reduce, WeightRange range) =>
        Assert.That(ModelForm.Of(new() { ReduceRange = reduce }).Weights.Range, Is.EqualTo(range));

    [Test]
    public void Of_FourBitWeightsAlone_AreInBlocks() => Assert.That(
        ModelForm.Of(new() { Format = ModelFormat.WeightOnly, WeightType = QuantizedType.S4 }).Weights.Granularity, Is.EqualTo(WeightGranularity.PerBlock));

    /// <summary>What ONNX Runtime refuses or no kernel takes; the message lists what is valid.</summary>
    [TestCase(ModelFormat.Qdq, QuantizedType.S8, QuantizedType.U8, "ActivationType U8 with WeightType S8, U8, S4, U4")]
    [TestCase(ModelFormat.QOperator, QuantizedType.U16, QuantizedType.S8, "ActivationType U8 with WeightType S8, U8; ActivationType S8 with WeightType S8")]
    [TestCase(ModelFormat.Dynamic, QuantizedType.S8, QuantizedType.S8, "ActivationType U8 with WeightType S8, U8")]
    [TestCase(ModelFormat.WeightOnly, QuantizedType.U8, QuantizedType.S16, "WeightType S8, U8, S4, U4")]
    public void Of_CombinationThatNothingRuns_ListsTheValidOnes(ModelFormat format, QuantizedType activations, QuantizedType weights, string valid)
    {
        var error = Assert.Throws<QuantBuildException>(() => ModelForm.Of(new() { Format = format, ActivationType = activations, WeightType = weights }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Code, Is.EqualTo(DiagnosticCodes.InvalidCombination));
            Assert.That(error.Message, Does.Contain(valid));
        }
    }

    [Test]
    public void Of_AsymmetricSignedWeights_AreRefused() => Assert.That(
        () => ModelForm.Of(new() { WeightSymmetric = false }), Throws.TypeOf<QuantBuildException>().With.Message.Contains("U8 or U4"));

    [TestCase(QuantizedType.S4, null)]
    [TestCase(null, WeightGranularity.PerBlock)]
    public void Of_AutoWithWeightsThatHaveKernelsAloneBesideFloats_IsWeightOnly(QuantizedType? weights, WeightGranularity? granularity) => Assert.That(
        ModelForm.Of(new() { Format = ModelFormat.Auto, WeightType = weights, WeightGranularity = granularity }).Format, Is.EqualTo(ModelFormat.WeightOnly));

    [Test]
    public void Of_BlocksUnderQuantizedActivations_AreRefused() => Assert.That(
        () => ModelForm.Of(new() { Format = ModelFormat.Qdq, WeightGranularity = WeightGranularity.PerBlock }), Throws.TypeOf<QuantBuildException>().With.Message.Contains("PerTensor, PerChannel"));
}
