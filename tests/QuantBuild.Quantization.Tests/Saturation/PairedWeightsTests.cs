using QuantBuild.Onnx;
using QuantBuild.Quantization.Saturation;

namespace QuantBuild.Quantization.Tests.Saturation;

internal sealed class PairedWeightsTests
{
    [Test]
    public void OfKernels_Row_IsTapByTap()
    {
        // One channel out, three in, two taps: in the file the taps of an input channel lie together.
        var weights = PairedWeights.OfKernels(TensorData.Create<sbyte>([1, 3, 2], [1, 2, 3, 4, 5, 6]));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(weights.Row(0)[..6].ToArray(), Is.EqualTo(new sbyte[] { 1, 3, 5, 2, 4, 6 }));
            Assert.That((weights.Depth, weights.Stride, weights.Sums[0], weights.PairCount), Is.EqualTo((6, PairedSum.Alignment, 21, 3)));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void OfMatrix_Row_IsOfOneChannel(bool isTransposed)
    {
        var matrix = isTransposed ? TensorData.Create<sbyte>([2, 3], [1, 3, 5, 2, 4, 6]) : TensorData.Create<sbyte>([3, 2], [1, 2, 3, 4, 5, 6]);

        var weights = PairedWeights.OfMatrix(matrix, isTransposed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(weights.Row(0)[..3].ToArray(), Is.EqualTo(new sbyte[] { 1, 3, 5 }));
            Assert.That(weights.Row(1)[..3].ToArray(), Is.EqualTo(new sbyte[] { 2, 4, 6 }));
            Assert.That(weights.PairCount, Is.EqualTo(2));
        }
    }

    /// <summary>32,767 is 128 · 255 and 127 more, −32,768 is 128 · 255 and 128 more.</summary>
    [TestCase(64, 64, 0, 255, 0)]
    [TestCase(64, 65, 0, 255, 1)]
    [TestCase(64, 65, 0, 253, 0)]
    [TestCase(-64, -65, 0, 255, 1)]
    [TestCase(-64, -64, 0, 255, 0)]
    [TestCase(127, -128, 0, 255, 0)]
    [TestCase(127, 127, 0, 128, 0)]
    [TestCase(127, 127, 0, 130, 1)]
    public void CountSaturating_Pair_DependsOnTheActivations(int first, int second, int low, int high, long count)
    {
        var weights = PairedWeights.OfMatrix(TensorData.Create<sbyte>([2, 1], [(sbyte)first, (sbyte)second]), false);

        Assert.That(weights.CountSaturating((byte)low, (byte)high), Is.EqualTo(count));
    }

    /// <summary>The two largest weights of a channel do no harm where they are no pair.</summary>
    [Test]
    public void CanSaturate_LargeWeightsApart_IsFalse() =>
        Assert.That(PairedWeights.OfKernels(TensorData.Create<sbyte>([1, 2, 2], [127, 127, 1, 1])).CanSaturate, Is.False);
}
