using QuantBuild.Onnx;
using QuantBuild.Quantization.Accuracy;

namespace QuantBuild.Quantization.Tests.Accuracy;

internal sealed class MetricsTests
{
    /// <summary>Outputs that are the same in both models would hide what another loses.</summary>
    [TestCase("sqnr", 20)]
    [TestCase("cosine", 0.995)]
    public void Agreement_IsThatOfTheOutputThatSuffersMost(string metric, double expected)
    {
        var outcome = new Outcome([Vector(10, 0), Vector(3, 4)], [Vector(10, 1), Vector(3, 4)], null);

        Assert.That(Metrics.Find(metric).Score(outcome), Is.EqualTo(expected).Within(1e-3));
    }

    [TestCase("sqnr", 120)]
    [TestCase("cosine", 1)]
    public void MaskedScores_AreTheSame_WhereBothModelsMaskThem(string metric, double expected)
    {
        var masked = Vector(1, float.NegativeInfinity, 2);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Metrics.Find(metric).Score(new([masked], [Vector(1, float.NegativeInfinity, 2)], null)), Is.EqualTo(expected).Within(1e-9));
            Assert.That(Metrics.Find(metric).Score(new([masked], [Vector(1, 0, 2)], null)), Is.NaN.Or.LessThan(0));
        }
    }

    private static TensorData Vector(params float[] elements) => TensorData.Create<float>([1, elements.Length], elements);
}
