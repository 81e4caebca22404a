using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldChannelArithmeticTests
{
    private static readonly FoldChannelArithmetic Pass = new();

    [TestCase("Mul(c, k)", "[1, 6]", "[4, 20]")]
    [TestCase("Mul(k, c)", "[1, 6]", "[4, 20]")]
    [TestCase("Add(c, k)", "[0.5, 1.5]", "[4, 9]")]
    [TestCase("Sub(c, k)", "[0.5, 1.5]", "[0, 1]")]
    public void Conv_ChannelConstant_GoesIntoWeightsAndBias(string operation, string weights, string bias) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          b: float[2] = [2, 5]
          k: float[2, 1, 1] = [2, 4]
          c = Conv(x, w, b)
          y = {{operation}}
        }
        """,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          b: float[2] = [2, 5]
          k: float[2, 1, 1] = [2, 4]
          w_scaled: float[2, 1, 1, 1] = {{weights}}
          b_shifted: float[2] = {{bias}}
          y = Conv(x, w_scaled, b_shifted)
        }
        """);

    [Test]
    public void BehindASqueeze_ChannelConstant_GoesIntoTheConvolution() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 1, 2, 1]) -> (y: float[1, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          axes: int64[1] = [3]
          k: float[1, 2, 1] = [2, 4]
          c = Conv(x, w)
          s = Squeeze(c, axes)
          y = Add(s, k)
        }
        """,
        """
        opset 13
        graph g(x: float[1, 1, 2, 1]) -> (y: float[1, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          axes: int64[1] = [3]
          k: float[1, 2, 1] = [2, 4]
          w_scaled: float[2, 1, 1, 1] = [0.5, 1.5]
          c_bias_shifted: float[2] = [2, 4]
          c = Conv(x, w_scaled, c_bias_shifted)
          y = Squeeze(c, axes)
        }
        """);

    [Test]
    public void BehindASqueezeOfUnsortedAxes_ChannelConstant_GoesIntoTheConvolution() => PassCheck.Verify(
        Pass,
        """
        opset 11
        graph g(x: float[1, 1, 1, 1]) -> (y: float[1, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          k: float[1, 2] = [2, 4]
          c = Conv(x, w)
          s = Squeeze(c) {axes = [3, 2]}
          y = Add(s, k)
        }
        """,
        """
        opset 11
        graph g(x: float[1, 1, 1, 1]) -> (y: float[1, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          k: float[1, 2] = [2, 4]
          w_scaled: float[2, 1, 1, 1] = [0.5, 1.5]
          c_bias_shifted: float[2] = [2, 4]
          c = Conv(x, w_scaled, c_bias_shifted)
          y = Squeeze(c) {axes = [3, 2]}
        }
        """);

    [TestCase("int64[1] = [3]", "float[1, 2] = [2, 4]", "[1, 1, 2, 1]", TestName = "{m}(a constant along the sequence)")]
    [TestCase("int64[1] = [1]", "float[1, 2, 1] = [2, 4]", "[1, 1, 2, 1]", "1", TestName = "{m}(the channel is squeezed)")]
    public void BehindASqueeze_AnythingElse_IsLeftAlone(string axes, string constant, string shape, string channels = "2") => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float{{shape}}) -> (y: float) {
          w: float[{{channels}}, 1, 1, 1] = [{{(channels == "1" ? "1.5" : "0.5, 1.5")}}]
          axes: {{axes}}
          k: {{constant}}
          c = Conv(x, w)
          s = Squeeze(c, axes)
          y = Add(s, k)
        }
        """);

    [Test]
    public void MulThenAdd_ScalarAndVectorAfterGemm_AreBothFolded() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          k: float[] = [2]
          s: float[2] = [5, 6]
          c = Gemm(x, w)
          d = Mul(c, k)
          y = Add(d, s)
        }
        """,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          k: float[] = [2]
          s: float[2] = [5, 6]
          w_scaled: float[2, 2] = [2, 4, 6, 8]
          c_bias_shifted: float[2] = [0, 0]
          w_scaled_scaled: float[2, 2] = [2, 4, 6, 8]
          c_bias_shifted_shifted: float[2] = [5, 6]
          y = Gemm(x, w_scaled_scaled, c_bias_shifted_shifted)
        }
        """);

    [TestCase("Sub(k, c)", "float[2, 1, 1] = [2, 4]", TestName = "{m}(constant minus layer)")]
    [TestCase("Add(c, k)", "float[2] = [2, 4]", TestName = "{m}(along the columns)")]
    [TestCase("Add(c, k)", "float[1, 2, 2, 2] = [1, 2, 3, 4, 5, 6, 7, 8]", TestName = "{m}(one for each element)")]
    public void Conv_AnyOtherConstant_IsLeftAlone(string operation, string constant) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 2, 2]) -> (y: float[1, 2, 2, 2]) {
          w: float[2, 1, 1, 1] = [0.5, 1.5]
          k: {{constant}}
          c = Conv(x, w)
          y = {{operation}}
        }
        """);

    /// <summary>beta scales the bias that the factor would be folded into.</summary>
    [Test]
    public void Gemm_WithAlpha_IsLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 2]) {
          w: float[2, 2] = [1, 2, 3, 4]
          k: float[] = [2]
          c = Gemm(x, w) {alpha = 0.5}
          y = Mul(c, k)
        }
        """);
}
