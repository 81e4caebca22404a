using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class NormalizeGemmTests
{
    private static readonly NormalizeGemm Pass = new();

    [Test]
    public void AlphaAndBeta_GoIntoWeightsAndBias() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          b: float[2] = [5, 6]
          y = Gemm(x, w, b) {alpha = 0.5, beta = 2.0, transB = 1}
        }
        """,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          b: float[2] = [5, 6]
          w_scaled: float[2, 2] = [0.5, 1, 1.5, 2]
          b_scaled: float[2] = [10, 12]
          y = Gemm(x, w_scaled, b_scaled) {transB = 1}
        }
        """);

    [TestCase("float[1, 2] = [5, 6]", "[5, 6]")]
    [TestCase("float[1] = [5]", "[5, 5]")]
    [TestCase("float[] = [5]", "[5, 5]")]
    [TestCase("float[1, 1] = [5]", "[5, 5]")]
    public void Bias_OfAnotherShape_BecomesAVector(string bias, string vector) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          b: {{bias}}
          y = Gemm(x, w, b)
        }
        """,
        $$"""
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          b: {{bias}}
          b_vector: float[2] = {{vector}}
          y = Gemm(x, w, b_vector)
        }
        """);

    [TestCase(0)]
    [TestCase(1)]
    public void TransA_BecomesATranspose(int transB) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, N]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          y = Gemm(x, w) {transA = 1, transB = {{transB}}}
        }
        """,
        $$"""
        opset 13
        graph g(x: float[2, N]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          x_transposed = Transpose(x) {perm = [1, 0]}
          y = Gemm(x_transposed, w) {transB = {{transB}}}
        }
        """);

    [TestCase("float[2, 1] = [5, 6]", TestName = "{m}(one for each row)")]
    [TestCase("float[2, 2] = [5, 6, 7, 8]", TestName = "{m}(one for each element)")]
    public void Bias_ThatDiffersFromRowToRow_IsLeftAlone(string bias) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, 2]) -> (y: float[2, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          b: {{bias}}
          y = Gemm(x, w, b)
        }
        """);

    [Test]
    public void WeightsAtRunTime_AreLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[2, 2], w: float[2, 2], b: float[2]) -> (y: float[2, 2]) {
          y = Gemm(x, w, b) {alpha = 0.5, beta = 2.0, transA = 1}
        }
        """);
}
