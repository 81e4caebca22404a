using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FuseMatMulAddTests
{
    private static readonly FuseMatMulAdd Pass = new();

    [TestCase("Add(m, b)")]
    [TestCase("Add(b, m)")]
    public void Matrix_BecomesAGemm(string addition) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 3]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[3] = [7, 8, 9]
          m = MatMul(x, w) as product
          y = {{addition}} as sum
        }
        """,
        """
        opset 13
        graph g(x: float[N, 2]) -> (y: float[N, 3]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[3] = [7, 8, 9]
          y = Gemm(x, w, b) as product
        }
        """);

    [Test]
    public void Sequence_OfKnownShape_BecomesAGemmBetweenReshapes() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[2, 4, 2]) -> (y: float[2, 4, 3]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[1, 1, 3] = [7, 8, 9]
          r = Relu(x)
          m = MatMul(r, w)
          y = Add(m, b)
        }
        """,
        """
        opset 13
        graph g(x: float[2, 4, 2]) -> (y: float[2, 4, 3]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[1, 1, 3] = [7, 8, 9]
          b_vector: float[3] = [7, 8, 9]
          y_rows_shape: int64[2] = [-1, 2]
          y_shape: int64[3] = [2, 4, 3]
          r = Relu(x)
          y_rows = Reshape(r, y_rows_shape)
          y_gemm = Gemm(y_rows, w, b_vector)
          y = Reshape(y_gemm, y_shape)
        }
        """);

    [TestCase("float[?, 4, 2]", "float[3] = [7, 8, 9]", TestName = "{m}(open batch)")]
    [TestCase("float[2, 2]", "float[2, 3] = [1, 2, 3, 4, 5, 6]", TestName = "{m}(one for each element)")]
    [TestCase("float[2, 2]", "float[1, 1, 3] = [7, 8, 9]", TestName = "{m}(bias of higher rank)")]
    [TestCase("float[2, 2]", "float[] = [7]", TestName = "{m}(scalar)")]
    public void UnknownShapeOrOtherBias_IsLeftAlone(string input, string bias) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: {{input}}) -> (y: float) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: {{bias}}
          m = MatMul(x, w)
          y = Add(m, b)
        }
        """);

    [Test]
    public void Product_ReadTwice_IsLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[2, 2]) -> (y: float[2, 3], m: float[2, 3]) {
          w: float[2, 3] = [1, 2, 3, 4, 5, 6]
          b: float[3] = [7, 8, 9]
          m = MatMul(x, w)
          y = Add(m, b)
        }
        """);
}
