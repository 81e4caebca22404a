using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;

namespace QuantBuild.Quantization.Tests.Numerics;

internal sealed class WeightQuantizationTests
{
    /// <summary>VPMADDUBSW adds two products in 16 bits: no pair of weights of one sum may leave them at the activations' 255.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Quantize_AnyWeights_NoPairSaturatesSixteenBits(int seed)
    {
        var random = new Random(seed);
        float[] weights = [.. Enumerable.Range(0, 8 * 50).Select(_ => (float)Math.Pow(random.NextDouble() - 0.5, 3))];

        var quantized = WeightQuantization.Quantize(TensorData.Create<float>([8, 50], weights), 0, []).Quantized.AsSpan<sbyte>().ToArray();

        for (var channel = 0; channel < 8; channel++)
        {
            var sorted = quantized[(channel * 50)..((channel + 1) * 50)].Select(weight => (int)weight).Order().ToArray();
            using (Assert.EnterMultipleScope())
            {
                Assert.That(255 * (sorted[^1] + sorted[^2]), Is.LessThanOrEqualTo(short.MaxValue));
                Assert.That(255 * (sorted[0] + sorted[1]), Is.GreaterThanOrEqualTo(short.MinValue));
            }
        }
    }

    /// <summary>One weight that stands out may use all 8 bits; 7-bit weights would halve the resolution of the rest.</summary>
    [Test]
    public void Quantize_OneLargeWeight_KeepsEightBits()
    {
        var (quantized, _) = WeightQuantization.Quantize(TensorData.Create<float>([1, 4], [1f, 0.001f, -0.002f, 0f]), 0, []);

        Assert.That(quantized.AsSpan<sbyte>()[0], Is.EqualTo(126).Within(1));
    }

    [Test]
    public void Quantize_EveryWeight_IsWithinHalfAStep()
    {
        float[] weights = [0.5f, -0.25f, 0.75f, 10f, -20f, 5f];

        var (quantized, parameters) = WeightQuantization.Quantize(TensorData.Create<float>([2, 3], weights), 0, []);

        var restored = WeightQuantization.Dequantize(quantized, parameters).ToFloats();
        for (var i = 0; i < weights.Length; i++)
        {
            Assert.That(restored[i], Is.EqualTo(weights[i]).Within(parameters.Scales[i / 3] / 2 * 1.0001f));
        }
    }

    [Test]
    public void Quantize_ChannelsOnTheLastAxis_ScaleIsTheChannels()
    {
        var (_, parameters) = WeightQuantization.Quantize(TensorData.Create<float>([2, 2], [1f, 100f, -1f, 100f]), 1, []);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Axis, Is.EqualTo(1));
            Assert.That(parameters.Scales[1] / parameters.Scales[0], Is.GreaterThan(50));
        }
    }

    [Test]
    public void Quantize_DeadChannel_HasAUsableScale()
    {
        var (quantized, parameters) = WeightQuantization.Quantize(TensorData.Create<float>([2, 2], [0f, 0f, 1f, -1f]), 0, []);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(parameters.Scales[0], Is.EqualTo(parameters.Scales[1]));
            Assert.That(quantized.AsSpan<sbyte>()[..2].ToArray(), Is.All.Zero);
        }
    }

    [Test]
    public void Quantize_LargeBias_RaisesTheScaleOfItsChannel() =>
        Assert.That(WeightQuantization.Quantize(TensorData.Create<float>([2, 1], [1f, 1f]), 0, [0.5, 0]).Parameters.Scales[0], Is.EqualTo(0.5f));
}
