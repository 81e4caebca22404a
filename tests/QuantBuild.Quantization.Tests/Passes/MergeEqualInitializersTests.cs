using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class MergeEqualInitializersTests
{
    private static readonly MergeEqualInitializers Pass = new();

    [Test]
    public void EqualWeights_AreReadFromTheFirst() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          v: float[2, 2] = [1, 2, 3, 4]
          t = MatMul(x, w)
          y = MatMul(t, v)
        }
        """,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          v: float[2, 2] = [1, 2, 3, 4]
          t = MatMul(x, w)
          y = MatMul(t, w)
        }
        """);

    /// <summary>The same bytes as another shape or type are another constant.</summary>
    [TestCase("float[4] = [1, 2, 3, 4]")]
    [TestCase("float[2, 2] = [1, 2, 3, 5]")]
    public void OtherShapeOrElements_AreLeftAlone(string other) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, 2]) -> (y: float[2, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          v: {{other}}
          s: int64[2] = [2, 2]
          r = Reshape(v, s)
          t = MatMul(x, w)
          y = Add(t, r)
        }
        """);
}
