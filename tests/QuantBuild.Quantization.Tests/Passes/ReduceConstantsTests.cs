using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class ReduceConstantsTests
{
    private static readonly ReduceConstants Pass = new();

    [Test]
    public void OneElement_OfNoMoreDimensionsThanTheOtherOperand_BecomesAScalar() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          c: float[1, 1] = [2]
          r = Relu(x)
          y = Add(c, r)
        }
        """,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          c: float[1, 1] = [2]
          c_scalar: float[] = [2]
          r = Relu(x)
          y = Add(c_scalar, r)
        }
        """);

    [TestCase("float[1, 1, 1] = [2]", TestName = "{m}(it adds a dimension)")]
    [TestCase("float[3] = [1, 2, 3]", TestName = "{m}(more elements)")]
    public void AnythingElse_IsLeftAlone(string constant) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, 3]) -> (y: float) {
          c: {{constant}}
          r = Relu(x)
          y = Add(c, r)
        }
        """);
}
