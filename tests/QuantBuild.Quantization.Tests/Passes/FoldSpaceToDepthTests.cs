using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldSpaceToDepthTests
{
    private static readonly FoldSpaceToDepth Pass = new();

    [Test]
    public void Slices_ThatSpellItOut_BecomeALargerKernel() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 1, 4, 4]) -> (y: float) {
          zero: int64[1] = [0]
          one: int64[1] = [1]
          end: int64[1] = [9223372036854775807]
          rows: int64[1] = [2]
          columns: int64[1] = [-1]
          two: int64[1] = [2]
          w: float[1, 4, 1, 2] = [1, 2, 3, 4, 5, 6, 7, 8]
          upper = Slice(x, zero, end, rows, two)
          lower = Slice(x, one, end, rows, two)
          a = Slice(upper, zero, end, columns, two)
          b = Slice(lower, zero, end, columns, two)
          c = Slice(upper, one, end, columns, two)
          d = Slice(lower, one, end, columns, two)
          z = Concat(a, b, c, d) {axis = 1}
          y = Conv(z, w) {pads = [0, 1, 1, 0]}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 1, 4, 4]) -> (y: float) {
          zero: int64[1] = [0]
          one: int64[1] = [1]
          end: int64[1] = [9223372036854775807]
          rows: int64[1] = [2]
          columns: int64[1] = [-1]
          two: int64[1] = [2]
          w: float[1, 4, 1, 2] = [1, 2, 3, 4, 5, 6, 7, 8]
          w_blocks: float[1, 1, 2, 4] = [1, 5, 2, 6, 3, 7, 4, 8]
          upper = Slice(x, zero, end, rows, two)
          lower = Slice(x, one, end, rows, two)
          a = Slice(upper, zero, end, columns, two)
          b = Slice(lower, zero, end, columns, two)
          c = Slice(upper, one, end, columns, two)
          d = Slice(lower, one, end, columns, two)
          y = Conv(x, w_blocks) {pads = [0, 2, 2, 0], kernel_shape = [2, 4], strides = [2, 2]}
        }
        """);

    [Test]
    public void SpaceToDepth_BecomesALargerKernel() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 4, 4]) -> (y: float) {
          w: float[1, 8, 1, 1] = [1, 2, 3, 4, 5, 6, 7, 8]
          z = SpaceToDepth(x) {blocksize = 2}
          y = Conv(z, w)
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 4, 4]) -> (y: float) {
          w: float[1, 8, 1, 1] = [1, 2, 3, 4, 5, 6, 7, 8]
          w_blocks: float[1, 2, 2, 2] = [1, 3, 5, 7, 2, 4, 6, 8]
          y = Conv(x, w_blocks) {kernel_shape = [2, 2], strides = [2, 2]}
        }
        """);

    [Test]
    public void OneAxis_IsEnough() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 2, 6]) -> (y: float) {
          starts: int64[1] = [1]
          zero: int64[1] = [0]
          end: int64[1] = [2147483647]
          axis: int64[1] = [2]
          two: int64[1] = [2]
          w: float[2, 4, 2] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          odd = Slice(x, starts, end, axis, two)
          even = Slice(x, zero, end, axis, two)
          z = Concat(odd, even) {axis = -2}
          y = Conv(z, w) {strides = [2]}
        }
        """,
        """
        opset 13
        graph g(x: float[1, 2, 6]) -> (y: float) {
          starts: int64[1] = [1]
          zero: int64[1] = [0]
          end: int64[1] = [2147483647]
          axis: int64[1] = [2]
          two: int64[1] = [2]
          w: float[2, 4, 2] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
          w_blocks: float[2, 2, 4] = [5, 1, 6, 2, 7, 3, 8, 4, 13, 9, 14, 10, 15, 11, 16, 12]
          odd = Slice(x, starts, end, axis, two)
          even = Slice(x, zero, end, axis, two)
          y = Conv(x, w_blocks) {strides = [4], kernel_shape = [4]}
        }
        """);

    [TestCase("Slice(x, zero, end, axis, two)", "", "", TestName = "{m}(the same place twice)")]
    [TestCase("Slice(x, one, six, axis, two)", "", "", TestName = "{m}(an end that may come early)")]
    [TestCase("Relu(other)", "", "", TestName = "{m}(another source)")]
    [TestCase("Slice(x, one, end, axis, two)", "dilations = [2]", "", TestName = "{m}(dilation)")]
    [TestCase("Slice(x, one, end, axis, two)", "auto_pad = \"SAME_UPPER\"", "", TestName = "{m}(automatic padding)")]
    [TestCase("Slice(x, one, end, axis, two)", "", "again = Relu(z)", TestName = "{m}(another reader)")]
    public void AnythingElse_IsLeftAlone(string second, string attributes, string reader) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 6], other: float[1, 1, 3]) -> (y: float) {
          zero: int64[1] = [0]
          one: int64[1] = [1]
          six: int64[1] = [6]
          end: int64[1] = [2147483647]
          axis: int64[1] = [2]
          two: int64[1] = [2]
          w: float[1, 2, 2] = [1, 2, 3, 4]
          first = Slice(x, zero, end, axis, two)
          second = {{second}}
          z = Concat(first, second) {axis = 1}
          {{reader}}
          y = Conv(z, w) {{{(attributes.Length == 0 ? "strides = [1]" : attributes)}}}
        }
        """);
}
