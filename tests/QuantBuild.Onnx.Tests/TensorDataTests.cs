namespace QuantBuild.Onnx.Tests;

internal sealed class TensorDataTests
{
    [TestCase(new[] { 0f, float.MaxValue, float.MinValue, float.Epsilon }, true)]
    [TestCase(new float[0], true)]
    [TestCase(new[] { 0f, float.NaN, 1f }, false)]
    [TestCase(new[] { 0f, 1f, float.PositiveInfinity }, false)]
    [TestCase(new[] { float.NegativeInfinity }, false)]
    public void IsFinite_SeesEveryElement_AndSaysTheSameAgain(float[] elements, bool expected)
    {
        var tensor = TensorData.Vector<float>(elements);

        Assert.That((tensor.IsFinite, tensor.IsFinite), Is.EqualTo((expected, expected)));
    }
}
