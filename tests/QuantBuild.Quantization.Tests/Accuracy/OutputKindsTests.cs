using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class OutputKindsTests
{
    [TestCase(new long[] { 1, 3 }, new float[] { -1, 4, 2 }, nameof(OutputKind.ClassScores), TestName = "{m}(logits)")]
    [TestCase(new long[] { 1, 2, 3 }, new[] { 0.5f, 0.25f, 0.25f, 0, 1, 0 }, nameof(OutputKind.ClassScores), TestName = "{m}(probabilities at every position)")]
    [TestCase(new long[] { 2, 2, 1, 1 }, new[] { 0.5f, 0.5f, 0, 1 }, nameof(OutputKind.ClassScores), TestName = "{m}(probabilities on axis 1)")]
    [TestCase(new long[] { 1, 2 }, new[] { 0.6f, -0.8f }, nameof(OutputKind.Embedding), TestName = "{m}(a vector of length 1)")]
    [TestCase(new long[] { 1, 2, 2 }, new float[] { 3, 1, 2, 5 }, nameof(OutputKind.Embedding), TestName = "{m}(a vector at each position)")]
    [TestCase(new long[] { 1, 1 }, new float[] { 3 }, nameof(OutputKind.Other), TestName = "{m}(a number)")]
    [TestCase(new long[] { 1, 2, 2, 1 }, new float[] { 3, 1, 2, 5 }, nameof(OutputKind.Other), TestName = "{m}(a feature map)")]
    public void Kind_IsToldByShapeAndElements(long[] shape, float[] elements, string expected) =>
        Assert.That(OutputKinds.Of(TensorData.Create<float>([.. shape], elements)).ToString(), Is.EqualTo(expected));

    [Test]
    public void Plane_IsAnImage() =>
        Assert.That(OutputKinds.Of(TensorData.Create<float>([1, 3, 16, 16], [.. Enumerable.Range(0, 3 * 256).Select(index => (float)index)])), Is.EqualTo(OutputKind.Image));

    /// <summary>Bytes of a picture are no classes, however many of them are equal; an ArgMax gives no bytes.</summary>
    [TestCase(true, nameof(OutputKind.Image))]
    [TestCase(false, nameof(OutputKind.DenseScores))]
    public void PlaneOfIntegers_IsAnImageOrAMapOfClasses(bool isBytes, string expected) =>
        Assert.That(OutputKinds.Of(isBytes ? TensorData.Create<byte>([1, 16, 16, 3], new byte[768]) : TensorData.Create<long>([1, 1, 16, 16], new long[256])).ToString(), Is.EqualTo(expected));

    /// <summary>Anchors with boxes, each in the rows of its own output.</summary>
    [TestCase(16, nameof(OutputKind.DenseScores))]
    [TestCase(15, nameof(OutputKind.Embedding), TestName = "{m}(few)")]
    public void ScoresAtManyPositions_CountBeforeWhatIsBesideThem(int positions, string expected)
    {
        var scores = TensorData.Create<float>([1, positions, 2], [.. Enumerable.Range(0, positions).SelectMany(_ => new[] { 0.75f, 0.25f })]);
        var boxes = TensorData.Create<float>([1, positions, 4], [.. Enumerable.Range(0, 4 * positions).Select(index => (float)index)]);

        Assert.That(OutputKinds.Of([scores, boxes]).ToString(), Is.EqualTo(expected));
    }

    [TestCase(false, null, null, "sqnr")]
    [TestCase(false, 0.01, null, "cosine", TestName = "{m}(a drop is a share)")]
    [TestCase(false, null, 30.0, "sqnr")]
    [TestCase(true, null, null, "mse", TestName = "{m}(a number to predict)")]
    [TestCase(true, null, 30.0, "sqnr", TestName = "{m}(agreement alone is limited)")]
    [TestCase(true, 0.01, 30.0, "mse", TestName = "{m}(labels judge where a drop is limited)")]
    public void Metric_FitsLabelsOutputsAndLimits(bool isLabelled, double? maxDrop, double? minAgreement, string expected)
    {
        var samples = new SampleRun([new("s", isLabelled ? 2.5 : null, () => throw new InvalidOperationException("no sample is read"))], 1, null, CancellationToken.None);
        var settings = new QuantizationSettings { MaxAccuracyDrop = maxDrop, MinAgreement = minAgreement };

        Assert.That(Metrics.For(settings, samples, [TensorData.Create<float>([1, 1], [3f])]).Name, Is.EqualTo(expected));
    }

    /// <summary>Both heads of a classifier count, and boxes beside scores do not.</summary>
    [Test]
    public void Agreement_IsThatOfAllOutputsWithClassScores()
    {
        var (first, second, boxes) = (Scores(0.9f, 0.1f), Scores(0.2f, 0.8f), TensorData.Create<float>([1, 2, 2], [5, 6, 7, 8]));
        var other = TensorData.Create<float>([1, 2, 2], [6, 5, 8, 7]);

        Assert.That(Metrics.Find("agreement").Score(new([first, second, boxes], [first, Scores(0.7f, 0.3f), other], null)), Is.EqualTo(0.5));
    }

    private static TensorData Scores(float first, float second) => TensorData.Create<float>([1, 2], [first, second]);
}
