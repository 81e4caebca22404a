using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class FoldIntoEmbeddingTests
{
    private static readonly FoldIntoEmbedding Pass = new();

    [Test]
    public void ElementwiseOperators_AreComputedFromTheTable() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(i: int64[2, 2]) -> (y: float) {
          t: float[4, 2] = [-1, 2, -3, 4, -5, 6, -7, 8]
          b: float[1, 1, 2] = [2, -3]
          r = Gather(t, i)
          s = Add(r, b)
          a = Relu(s)
          q = Mul(a, s)
          y = Transpose(q)
        }
        """,
        """
        opset 13
        graph g(i: int64[2, 2]) -> (y: float) {
          q_folded: float[4, 2] = [1, -0, -0, 1, -0, 9, -0, 25]
          q_rows = Gather(q_folded, i)
          y = Transpose(q_rows)
        }
        """);

    /// <summary>Two results of the operators are read: the Gather stands behind the last operator before they part.</summary>
    [Test]
    public void WhereTwoResultsAreRead_TheGatherStaysInFrontOfThem() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(i: int64[2]) -> (y: float, z: float) {
          t: float[2, 2] = [-1, 2, -3, 4]
          r = Gather(t, i)
          n = Neg(r)
          a = Relu(n)
          y = Transpose(a)
          z = Transpose(n)
        }
        """,
        """
        opset 13
        graph g(i: int64[2]) -> (y: float, z: float) {
          n_folded: float[2, 2] = [1, -2, 3, -4]
          n_rows = Gather(n_folded, i)
          a = Relu(n_rows)
          y = Transpose(a)
          z = Transpose(n_rows)
        }
        """);

    [TestCase("p: float[2, 2] = [1, 2, 3, 4]", "Add(r, p)", TestName = "{m}(a constant for each position)")]
    [TestCase("p: float[] = [1]", "Softmax(r)", TestName = "{m}(elements of a row come together)")]
    [TestCase("p: float[1, 1, 2] = [1, 2]", "Add(r, p)", TestName = "{m}(a constant with more axes than the rows)")]
    [TestCase("p: float[2, 1] = [1, 2]", "Mul(r, p)", TestName = "{m}(a factor for each position)")]
    public void AnythingElse_IsLeftAlone(string constant, string operation) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(i: int64[2]) -> (y: float) {
          t: float[2, 2] = [-1, 2, -3, 4]
          {{constant}}
          r = Gather(t, i)
          a = {{operation}}
          y = Transpose(a)
        }
        """);

    /// <summary>ONNX Runtime computes nothing of a branch in which something fails: the operators would be computed from the whole table at every run.</summary>
    [Test]
    public void WhereNothingCanBeFolded_TheGatherStaysInFront() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(c: bool[1], i: int64[2]) -> (y: float) {
          y = If(c) {
            else_branch = graph else() -> (f: float) {
              t: float[4, 2] = [-1, 2, -3, 4, -5, 6, -7, 8]
              far: int64[2] = [7, 7]
              r = Gather(t, i) as rows
              n = Neg(r)
              a = Mul(n, r)
              k: float[2, 2] = [1, 2, 3, 4]
              w = Gather(k, far)
              f = MatMul(a, w)
            },
            then_branch = graph then() -> (s: float) {
              s = Cast(i) {to = 1}
            }
          }
        }
        """);

    [Test]
    public void TableThatSomethingElseReads_IsLeftAlone() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(i: int64[2]) -> (y: float) {
          t: float[2, 2] = [-1, 2, -3, 4]
          r = Gather(t, i)
          a = Relu(r)
          y = MatMul(a, t)
        }
        """);
}
