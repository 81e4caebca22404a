using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Accuracy;

/// <summary>Background that both models see is no agreement on what is in front of it.</summary>
internal sealed class ClassAgreementTests
{
    private const int Positions = 20;

    [TestCase("..................aa", "..................aa", 1)]
    [TestCase("..................aa", "...................a", 0.5, TestName = "{m}(one is not found)")]
    [TestCase("..................aa", ".................aaa", 2.0 / 3, TestName = "{m}(one is found that is not there)")]
    [TestCase("..................aa", "..................bb", 0, TestName = "{m}(found as something else)")]
    [TestCase("....................", "....................", 1, TestName = "{m}(nothing there)")]
    [TestCase("....................", "a...................", 0, TestName = "{m}(nothing there, and something found)")]
    [TestCase("..........aaaaaaaaaa", "..........aaaaaaaaab", 0.95, TestName = "{m}(half and half: neither is background)")]
    [TestCase("...........aaaaaaaaa", "...........aaaaaaaab", 8.0 / 9, TestName = "{m}(just more than half)")]
    public void Dense_BackgroundOfBothIsLeftOut(string reference, string actual, double expected)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Agreement([1, Positions, 3], reference, actual, isLast: true), Is.EqualTo(expected).Within(1e-12));
            Assert.That(Agreement([1, 3, 4, 5], reference, actual, isLast: false), Is.EqualTo(expected).Within(1e-12));
        }
    }

    /// <summary>Each row is a sample of its own.</summary>
    [Test]
    public void Batch_EveryRowCounts() =>
        Assert.That(Agreement([Positions, 3], "..................aa", "...................a", isLast: true), Is.EqualTo(0.95).Within(1e-12));

    /// <summary>As an ArgMax gives them.</summary>
    [TestCase(new long[] { 4 }, new long[] { 3, 3, 3, 1 }, new long[] { 3, 3, 3, 2 }, 0.75)]
    [TestCase(new long[] { 1 }, new long[] { 3 }, new long[] { 3 }, 1)]
    [TestCase(new long[] { 1, 4, 4 }, new long[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6 }, new long[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 7 }, 0.5, TestName = "{m}(background)")]
    public void ClassNumbers_AreCompared(long[] shape, long[] reference, long[] actual, double expected)
    {
        var (before, after) = (TensorData.Create<long>([.. shape], reference), TensorData.Create<int>([.. shape], Array.ConvertAll(actual, element => (int)element)));

        Assert.That(Metrics.Find("agreement").Score(new([before], [after], null)), Is.EqualTo(expected).Within(1e-12));
    }

    /// <summary>How many there are may depend on the data, as behind a NonMaxSuppression.</summary>
    [TestCase(new long[] { 3, 5 }, new long[] { 3, 5, 7, 8 })]
    [TestCase(new long[] { 3, 5, 7, 8 }, new long[] { 3, 5 })]
    public void ClassNumbers_OfAnotherCount_AgreeAsFarAsBothHaveThem(long[] reference, long[] actual) =>
        Assert.That(Metrics.Find("agreement").Score(new([TensorData.Vector<long>(reference)], [TensorData.Vector<long>(actual)], null)), Is.EqualTo(0.5));

    [Test]
    public void ManyClassNumbers_AreNotHeldAgainstOneLabel()
    {
        var map = TensorData.Vector<long>(3, 3);
        var samples = new SampleRun([new("s", 3, () => throw new InvalidOperationException("no sample is read"))], 1, null, CancellationToken.None);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Metrics.For(new QuantizationSettings(), samples, [map]).Name, Is.EqualTo("agreement"));
            Assert.That(() => Metrics.Find("top1").Score(new([], [map], 3)), Throws.TypeOf<QuantBuildException>().With.Message.Contains("Metric=agreement"));
        }
    }

    [TestCase(3, 1)]
    [TestCase(4, 0)]
    public void ClassNumber_IsHeldAgainstTheLabel(double label, double expected)
    {
        var number = TensorData.Create<long>([1], [3]);
        var samples = new SampleRun([new("s", label, () => throw new InvalidOperationException("no sample is read"))], 1, null, CancellationToken.None);

        var metric = Metrics.For(new QuantizationSettings(), samples, [number]);

        Assert.That((metric.Name, metric.Score(new([], [number], label))), Is.EqualTo(("top1", expected)));
    }

    private static double Agreement(long[] shape, string reference, string actual, bool isLast) =>
        Metrics.Find("agreement").Score(new([Scores(shape, reference, isLast)], [Scores(shape, actual, isLast)], null));

    private static TensorData Scores(long[] shape, string classes, bool isLast)
    {
        var elements = new float[3 * classes.Length];
        foreach (var (position, name) in classes.Index())
        {
            var own = name == '.' ? 1 : name == 'a' ? 0 : 2;
            elements[isLast ? (position * 3) + own : (own * classes.Length) + position] = 1;
        }

        return TensorData.Create<float>([.. shape], elements);
    }
}
