using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldIntoNextLayerTests
{
    private static readonly FoldIntoNextLayer Pass = new();

    [Test]
    public void FactorAndShift_GoIntoAnUnpaddedConvolution() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[1] = [2]
          s: float[1, 2, 1, 1] = [10, 20]
          w: float[1, 2, 1, 1] = [1, 3]
          b: float[1] = [5]
          m = Mul(f, x)
          a = Add(m, s)
          y = Conv(a, w, b)
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[1] = [2]
          s: float[1, 2, 1, 1] = [10, 20]
          w: float[1, 2, 1, 1] = [1, 3]
          b: float[1] = [5]
          b_shifted: float[1] = [75]
          w_scaled: float[1, 2, 1, 1] = [1, 3]
          w_scaled_scaled: float[1, 2, 1, 1] = [2, 6]
          y = Conv(x, w_scaled_scaled, b_shifted)
        }
        """);

    [Test]
    public void MeanAndDeviation_GoIntoAnUnpaddedConvolution() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          mean: float[1, 2, 1, 1] = [1, 2]
          std: float[1, 2, 1, 1] = [0.5, 0.25]
          w: float[1, 2, 1, 1] = [1, 3]
          s = Sub(x, mean)
          d = Div(s, std)
          y = Conv(d, w)
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          mean: float[1, 2, 1, 1] = [1, 2]
          std: float[1, 2, 1, 1] = [0.5, 0.25]
          w: float[1, 2, 1, 1] = [1, 3]
          w_scaled: float[1, 2, 1, 1] = [2, 12]
          y_bias_shifted: float[1] = [-26]
          w_scaled_scaled: float[1, 2, 1, 1] = [2, 12]
          y = Conv(x, w_scaled_scaled, y_bias_shifted)
        }
        """);

    [Test]
    public void Mean_StaysWherePaddingWouldEscapeIt() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[] = [4]
          mean: float[] = [2]
          w: float[1, 2, 1, 2] = [1, 2, 3, 4]
          m = Mul(x, f)
          s = Sub(m, mean)
          y = Conv(s, w) {pads = [0, 1, 0, 0]}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[] = [4]
          mean: float[] = [2]
          w: float[1, 2, 1, 2] = [1, 2, 3, 4]
          s_shift: float[] = [-0.5]
          w_scaled: float[1, 2, 1, 2] = [4, 8, 12, 16]
          s = Add(x, s_shift)
          y = Conv(s, w_scaled) {pads = [0, 1, 0, 0]}
        }
        """);

    [Test]
    public void Factor_GoesIntoADepthwiseConvolution_AndTheShiftStaysWherePaddingWouldEscapeIt() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[] = [4]
          s: float[] = [2]
          w: float[2, 1, 1, 2] = [1, 2, 3, 4]
          m = Mul(x, f)
          a = Add(m, s)
          y = Conv(a, w) {group = 2, pads = [0, 1, 0, 0]}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          f: float[] = [4]
          s: float[] = [2]
          w: float[2, 1, 1, 2] = [1, 2, 3, 4]
          a_shift: float[] = [0.5]
          w_scaled: float[2, 1, 1, 2] = [4, 8, 12, 16]
          a = Add(x, a_shift)
          y = Conv(a, w_scaled) {group = 2, pads = [0, 1, 0, 0]}
        }
        """);

    [Test]
    public void Normalization_InFrontOfAnUnpaddedConvolution_GoesIntoIt() => PassCheck.Verify(
        Pass,
        """
        opset 14
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          gamma: float[2] = [2, 4]
          beta: float[2] = [1, 1]
          mean: float[2] = [0, 0]
          variance: float[2] = [1, 4]
          w: float[1, 2, 1, 1] = [1, 3]
          n = BatchNormalization(x, gamma, beta, mean, variance) {epsilon = 0.0}
          y = Conv(n, w)
        }
        """,
        """
        opset 14
        graph g(x: float[1, 2, 3, 3]) -> (y: float) {
          gamma: float[2] = [2, 4]
          beta: float[2] = [1, 1]
          mean: float[2] = [0, 0]
          variance: float[2] = [1, 4]
          w: float[1, 2, 1, 1] = [1, 3]
          y_bias_shifted: float[1] = [4]
          w_scaled: float[1, 2, 1, 1] = [2, 6]
          y = Conv(x, w_scaled, y_bias_shifted)
        }
        """);

    [TestCase("s: float[1, 2, 1, 1] = [1, 1]", "Add(x, s)", "pads = [1, 1, 1, 1]", "", TestName = "{m}(a shift and padding)")]
    [TestCase("s: float[3] = [1, 2, 3]", "Mul(x, s)", "pads = [0, 0, 0, 0]", "", TestName = "{m}(along the width)")]
    [TestCase("s: float[] = [2]", "Div(s, x)", "pads = [0, 0, 0, 0]", "", TestName = "{m}(the divisor)")]
    [TestCase("s: float[] = [2]", "Mul(x, s)", "pads = [0, 0, 0, 0]", ", a: float[1, 2, 3, 3]", TestName = "{m}(read elsewhere)")]
    public void AnythingElse_IsLeftAlone(string constant, string arithmetic, string pads, string output) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 2, 3, 3]) -> (y: float{{output}}) {
          {{constant}}
          w: float[1, 2, 1, 1] = [1, 3]
          a = {{arithmetic}}
          y = Conv(a, w) { {{pads}} }
        }
        """);
}
