using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class RecognizeActivationsTests
{
    private static readonly RecognizeActivations Pass = new();

    [TestCase("p = Mul(x, c)\n  y = Div(p, six)", TestName = "{m}(division last)")]
    [TestCase("p = Div(c, six)\n  y = Mul(p, x)", TestName = "{m}(division before)")]
    [TestCase("p = Mul(sixth, c)\n  y = Mul(x, p)", TestName = "{m}(times a sixth)")]
    public void HardSwish_HoweverItIsSpelled_TakesTwoOperators(string end) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          three: float[] = [3]
          zero: float[] = [0]
          six: float[] = [6]
          sixth: float[] = [0.16666667]
          a = Add(x, three)
          c = Clip(a, zero, six)
          {{end}}
        }
        """,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          three: float[] = [3]
          zero: float[] = [0]
          six: float[] = [6]
          sixth: float[] = [0.16666667]
          y_gate = HardSigmoid(x) {alpha = 0.16666667, beta = 0.5}
          y = Mul(x, y_gate)
        }
        """);

    [Test]
    public void HardSwish_WithAnotherFactor_KeepsTheFactor() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          three: float[] = [3]
          zero: float[] = [0]
          six: float[] = [6]
          a = Add(x, three)
          c = Clip(a, zero, six)
          y = Mul(x, c)
        }
        """,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          three: float[] = [3]
          zero: float[] = [0]
          six: float[] = [6]
          y_factor: float[] = [6]
          y_activation_gate = HardSigmoid(x) {alpha = 0.16666667, beta = 0.5}
          y_activation = Mul(x, y_activation_gate)
          y = Mul(y_activation, y_factor)
        }
        """);

    [Test]
    public void TanhGelu_BecomesOneOperator() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          k: float[] = [0.044715]
          r: float[] = [0.7978846]
          one: float[1] = [1]
          half: float[] = [0.5]
          a = Mul(k, x)
          b = Mul(x, a)
          c = Mul(x, b)
          d = Add(x, c)
          e = Mul(r, d)
          f = Tanh(e)
          h = Add(one, f)
          i = Mul(half, h)
          y = Mul(x, i)
        }
        """,
        """
        opset 13, com.microsoft 1
        graph g(x: float[2, 3]) -> (y: float[2, 3]) {
          k: float[] = [0.044715]
          r: float[] = [0.7978846]
          one: float[1] = [1]
          half: float[] = [0.5]
          y = com.microsoft::FastGelu(x)
        }
        """);

    [TestCase("three: float[] = [2.9]", "", TestName = "{m}(another offset)")]
    [TestCase("three: float[] = [3]", ", c: float[2, 3]", TestName = "{m}(a part is an output)")]
    [TestCase("three: float[3] = [3, 3, 3]", "", TestName = "{m}(no scalar)")]
    public void AnythingElse_IsLeftAlone(string three, string output) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3]{{output}}) {
          {{three}}
          zero: float[] = [0]
          six: float[] = [6]
          a = Add(x, three)
          c = Clip(a, zero, six)
          p = Mul(x, c)
          y = Div(p, six)
        }
        """);
}
