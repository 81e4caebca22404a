using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldBatchNormalizationTests
{
    private static readonly FoldBatchNormalization Pass = new();

    /// <summary>Factors γ/√(variance + ε) are 2/1 and 3/2.</summary>
    private const string Statistics =
        """
        gamma: float[2] = [2, 3]
        beta: float[2] = [10, 20]
        mean: float[2] = [1, 2]
        variance: float[2] = [0.75, 3.75]
        """;

    [Test]
    public void Conv_WithoutBias_TakesFactorsAndGetsABias() => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          {{Statistics}}
          c = Conv(x, w) as conv
          y = BatchNormalization(c, gamma, beta, mean, variance) {epsilon = 0.25}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          gamma: float[2] = [2, 3]
          beta: float[2] = [10, 20]
          mean: float[2] = [1, 2]
          variance: float[2] = [0.75, 3.75]
          w_scaled: float[2, 1, 1, 1] = [1, 1.5]
          c_bias_shifted: float[2] = [8, 17]
          y = Conv(x, w_scaled, c_bias_shifted) as conv
        }
        """);

    [Test]
    public void Gemm_TransposedWithBias_ScalesRows() => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[N, 3]) -> (y: float[N, 2]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[2] = [1, -1]
          {{Statistics}}
          c = Gemm(x, w, b) {transB = 1}
          y = BatchNormalization(c, gamma, beta, mean, variance) {epsilon = 0.25}
        }
        """,
        """
        opset 13
        graph g(x: float[N, 3]) -> (y: float[N, 2]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[2] = [1, -1]
          gamma: float[2] = [2, 3]
          beta: float[2] = [10, 20]
          mean: float[2] = [1, 2]
          variance: float[2] = [0.75, 3.75]
          w_scaled: float[2, 3] = [2, 4, 6, 6, 7.5, 9]
          b_shifted: float[2] = [10, 15.5]
          y = Gemm(x, w_scaled, b_shifted) {transB = 1}
        }
        """);

    [Test]
    public void ConvTranspose_Groups_ScalesTheGroupsChannel() => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 2, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          {{Statistics}}
          c = ConvTranspose(x, w) {group = 2}
          y = BatchNormalization(c, gamma, beta, mean, variance) {epsilon = 0.25}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          gamma: float[2] = [2, 3]
          beta: float[2] = [10, 20]
          mean: float[2] = [1, 2]
          variance: float[2] = [0.75, 3.75]
          w_scaled: float[2, 1, 1, 1] = [1, 1.5]
          c_bias_shifted: float[2] = [8, 17]
          y = ConvTranspose(x, w_scaled, c_bias_shifted) {group = 2}
        }
        """);

    [Test]
    public void Conv_ReadByAnotherNodeToo_IsLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2], z: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          {{Statistics}}
          c = Conv(x, w)
          y = BatchNormalization(c, gamma, beta, mean, variance)
          z = Relu(c)
        }
        """);

    [Test]
    public void Statistics_ComputedAtRunTime_AreLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2], shift: float[2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          {{Statistics}}
          c = Conv(x, w)
          y = BatchNormalization(c, gamma, shift, mean, variance)
        }
        """);

    [Test]
    public void Conv_WeightsThatAreAnInput_IsLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2], w: float[2, 1, 1, 1]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1]
          {{Statistics}}
          c = Conv(x, w)
          y = BatchNormalization(c, gamma, beta, mean, variance)
        }
        """);
}
