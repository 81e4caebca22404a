using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class SpeedUpReductionsTests
{
    private static readonly SpeedUpReductions Pass = new();

    private static string Row(string element) => $"[{string.Join(", ", Enumerable.Repeat(element, 64))}]";

    [TestCase("N")]
    [TestCase("1")]
    public void SumOverTheMiddleAxis_BecomesAProduct(string batch) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[{{batch}}, 64, 64]) -> (y: float) {
          axis: int64[1] = [-2]
          r = Relu(x)
          y = ReduceSum(r, axis) {keepdims = 0}
        }
        """,
        $$"""
        opset 13
        graph g(x: float[{{batch}}, 64, 64]) -> (y: float) {
          axis: int64[1] = [-2]
          y_row: float[1, 64] = {{Row("1")}}
          y_axis: int64[1] = [1]
          r = Relu(x)
          y_product = MatMul(y_row, r)
          y = Squeeze(y_product, y_axis)
        }
        """,
        tolerance: 1e-4f);

    [Test]
    public void MeanThatKeepsItsAxis_BecomesAProductAlone() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 64, 64]) -> (y: float) {
          r = Relu(x)
          y = ReduceMean(r) {axes = [1]}
        }
        """,
        $$"""
        opset 13
        graph g(x: float[1, 64, 64]) -> (y: float) {
          y_row: float[1, 64] = {{Row("0.015625")}}
          r = Relu(x)
          y = MatMul(y_row, r)
        }
        """);

    [TestCase("float[2, 64, 64]", 1, TestName = "{m}(a batch of two)")]
    [TestCase("float[1, 8, 64]", 1, TestName = "{m}(few elements)")]
    [TestCase("float[1, L, 64]", 1, TestName = "{m}(an open length)")]
    [TestCase("float[1, 64, 64]", 2, TestName = "{m}(the last axis)")]
    [TestCase("int64[1, 64, 64]", 1, TestName = "{m}(integers)")]
    public void AnythingElse_IsLeftAlone(string type, int axis) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: {{type}}) -> (y) {
          axis: int64[1] = [{{axis}}]
          y = ReduceSum(x, axis) {keepdims = 0}
        }
        """);
}
