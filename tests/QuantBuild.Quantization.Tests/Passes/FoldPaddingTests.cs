using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldPaddingTests
{
    private static readonly FoldPadding Pass = new();

    [TestCase("Pad(x, p)", TestName = "{m}(no fill)")]
    [TestCase("Pad(x, p, zero)", TestName = "{m}(zeros)")]
    public void Zeros_AroundThePlane_BecomeTheConvolutionsPadding(string pad) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 3, 3]) -> (y: float) {
          p: int64[8] = [0, 0, 0, 1, 0, 0, 2, 1]
          zero: float[] = [0]
          w: float[1, 1, 2, 2] = [1, 2, 3, 4]
          a = {{pad}}
          y = Conv(a, w) {pads = [1, 0, 0, 0], strides = [2, 2]}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 1, 3, 3]) -> (y: float) {
          p: int64[8] = [0, 0, 0, 1, 0, 0, 2, 1]
          zero: float[] = [0]
          w: float[1, 1, 2, 2] = [1, 2, 3, 4]
          y = Conv(x, w) {pads = [1, 1, 2, 1], strides = [2, 2]}
        }
        """);

    [TestCase("p: int64[8] = [0, 1, 0, 0, 0, 0, 0, 0]", "Pad(x, p)", "float[1, 2, 2, 2] = [1, 2, 3, 4, 5, 6, 7, 8]", TestName = "{m}(channels)")]
    [TestCase("p: int64[8] = [0, 0, -1, 0, 0, 0, 0, 0]", "Pad(x, p)", "float[1, 1, 2, 2] = [1, 2, 3, 4]", TestName = "{m}(cropping)")]
    [TestCase("p: int64[8] = [0, 0, 1, 1, 0, 0, 1, 1]", "Pad(x, p, one)", "float[1, 1, 2, 2] = [1, 2, 3, 4]", TestName = "{m}(ones)")]
    [TestCase("p: int64[8] = [0, 0, 1, 1, 0, 0, 1, 1]", "Pad(x, p) {mode = \"reflect\"}", "float[1, 1, 2, 2] = [1, 2, 3, 4]", TestName = "{m}(reflection)")]
    public void AnythingElse_IsLeftAlone(string pads, string pad, string weights) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 3, 3]) -> (y: float) {
          {{pads}}
          one: float[] = [1]
          w: {{weights}}
          a = {{pad}}
          y = Conv(a, w)
        }
        """);
}
