using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class RecognizeEmbeddingTests
{
    private static readonly RecognizeEmbedding Pass = new();

    /// <summary>The numbers are -2 to 3 for three rows: on both sides of them there are some that have no row.</summary>
    [TestCase("Equal(n, k)")]
    [TestCase("Equal(k, n)")]
    public void OneHotProduct_BecomesAGather_AndWhatHasNoRowZeros(string comparison) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: int64[2, 3, 1]) -> (y: float[2, 3, 2]) {
          k: int64[1, 1, 3] = [0, 1, 2]
          two: int64[] = [2]
          w: float[3, 2] = [1, 2, 3, 4, 5, 6]
          n = Sub(x, two)
          e = {{comparison}}
          f = Cast(e) {to = 1}
          y = MatMul(f, w)
        }
        """,
        $$"""
        opset 13
        graph g(x: int64[2, 3, 1]) -> (y: float[2, 3, 2]) {
          k: int64[1, 1, 3] = [0, 1, 2]
          two: int64[] = [2]
          w: float[3, 2] = [1, 2, 3, 4, 5, 6]
          y_axis: int64[1] = [-1]
          y_bound: int64[] = [-1]
          y_bound_1: int64[] = [3]
          y_table: float[4, 2] = [1, 2, 3, 4, 5, 6, 0, 0]
          n = Sub(x, two)
          e = {{comparison}}
          f = Cast(e) {to = 1}
          y_numbers = Squeeze(n, y_axis)
          y_rows = Clip(y_numbers, y_bound, y_bound_1)
          y = Gather(y_table, y_rows)
        }
        """);

    /// <summary>As JAX exports it for an open batch: the numbers are expanded to a shape that is computed, in 32 bits.</summary>
    [Test]
    public void ColumnThatIsExpanded_IsOne() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: int64[N, 3]) -> (y: float) {
          k: int32[1, 1, 3] = [0, 1, 2]
          column: int64[3] = [-1, 3, 1]
          zero: int64[1] = [0]
          one: int64[1] = [1]
          rest: int64[2] = [3, 1]
          w: float[3, 2] = [1, 2, 3, 4, 5, 6]
          i = Cast(x) {to = 6}
          c = Reshape(i, column)
          s = Shape(x)
          b = Slice(s, zero, one, zero)
          t = Concat(b, rest) {axis = 0}
          n = Expand(c, t)
          e = Equal(n, k)
          f = Cast(e) {to = 1}
          y = MatMul(f, w)
        }
        """,
        """
        opset 13
        graph g(x: int64[N, 3]) -> (y: float) {
          k: int32[1, 1, 3] = [0, 1, 2]
          column: int64[3] = [-1, 3, 1]
          zero: int64[1] = [0]
          one: int64[1] = [1]
          rest: int64[2] = [3, 1]
          w: float[3, 2] = [1, 2, 3, 4, 5, 6]
          y_axis: int64[1] = [-1]
          y_bound: int32[] = [-1]
          y_bound_1: int32[] = [3]
          y_table: float[4, 2] = [1, 2, 3, 4, 5, 6, 0, 0]
          i = Cast(x) {to = 6}
          c = Reshape(i, column)
          s = Shape(x)
          b = Slice(s, zero, one, zero)
          t = Concat(b, rest) {axis = 0}
          n = Expand(c, t)
          e = Equal(n, k)
          f = Cast(e) {to = 1}
          y_numbers = Squeeze(n, y_axis)
          y_rows = Clip(y_numbers, y_bound, y_bound_1)
          y = Gather(y_table, y_rows)
        }
        """);

    [TestCase("[2, 3, 1]", "[0, 2, 1]", TestName = "{m}(the numbers are in another order)")]
    [TestCase("[2, 1]", "[0, 1, 2]", TestName = "{m}(what they are compared with adds an axis)")]
    [TestCase("[2, 1, 3]", "[0, 1, 2]", TestName = "{m}(each number is compared with one)")]
    public void AnythingElse_IsLeftAlone(string shape, string numbers) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: int64{{shape}}) -> (y: float) {
          k: int64[1, 1, 3] = {{numbers}}
          w: float[3, 2] = [1, 2, 3, 4, 5, 6]
          e = Equal(x, k)
          f = Cast(e) {to = 1}
          y = MatMul(f, w)
        }
        """);
}
