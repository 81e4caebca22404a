using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class SimplifyShapesTests
{
    private static readonly SimplifyShapes Pass = new();

    [Test]
    public void TargetWithOneLengthThatIsComputed_BecomesAConstant() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[N, 6]) -> (y: float) {
          zero: int64[1] = [0]
          one: int64[1] = [1]
          rest: int32[2] = [2, 3]
          s = Shape(x)
          i = Cast(s) {to = 6}
          b = Slice(i, zero, one, zero)
          t = Concat(b, rest) {axis = 0}
          l = Cast(t) {to = 7}
          y = Reshape(x, l)
        }
        """,
        """
        opset 13
        graph g(x: float[N, 6]) -> (y: float) {
          y_target: int64[3] = [-1, 2, 3]
          y = Reshape(x, y_target)
        }
        """);

    [TestCase("[2, -1]", TestName = "{m}(another one is left open)")]
    [TestCase("[0, 12]", TestName = "{m}(another one is copied)")]
    public void WhereMoreThanOneLengthIsOpen_TheTargetIsComputed(string rest) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[1, 1, 12]) -> (y: float) {
          zero: int64[1] = [0]
          one: int64[1] = [1]
          rest: int64[2] = {{rest}}
          s = Shape(x)
          b = Slice(s, zero, one, zero)
          t = Concat(b, rest) {axis = 0}
          y = Reshape(x, t)
        }
        """);

    /// <summary>A Cast to anything but integers may change what it casts: 12 becomes true, and 1.</summary>
    [Test]
    public void LengthsThatAreCastToAnotherType_AreNotKnown() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[1]) -> (y: float) {
          rest: int64[1] = [12]
          s = Shape(x)
          t = Concat(s, rest) {axis = 0}
          b = Cast(t) {to = 9}
          l = Cast(b) {to = 7}
          y = Reshape(x, l)
        }
        """);

    [Test]
    public void ExpandToTheShapeThatIsThere_IsTakenOut() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[N, 6]) -> (y: float) {
          zero: int64[1] = [0]
          two: int64[1] = [2]
          s = Shape(x)
          t = Slice(s, zero, two, zero)
          r = Reshape(x, t)
          e = Expand(r, t)
          y = Relu(e)
        }
        """,
        """
        opset 13
        graph g(x: float[N, 6]) -> (y: float) {
          zero: int64[1] = [0]
          two: int64[1] = [2]
          s = Shape(x)
          t = Slice(s, zero, two, zero)
          r = Reshape(x, t)
          y = Relu(r)
        }
        """);

    /// <summary>A Reshape copies a length where it is told 0, and an Expand makes 0 of 1.</summary>
    [Test]
    public void ExpandToALengthThatMayBeZero_StaysThere() => PassCheck.Verify(
        Pass,
        """
        opset 13
        graph g(x: float[1, 6], some: bool[1]) -> (y: float) {
          six: int64[1] = [6]
          b = Cast(some) {to = 7}
          t = Concat(b, six) {axis = 0}
          r = Reshape(x, t)
          e = Expand(r, t)
          y = Relu(e)
        }
        """,
        """
        opset 13
        graph g(x: float[1, 6], some: bool[1]) -> (y: float) {
          six: int64[1] = [6]
          r_target: int64[2] = [-1, 6]
          b = Cast(some) {to = 7}
          t = Concat(b, six) {axis = 0}
          r = Reshape(x, r_target)
          e = Expand(r, t)
          y = Relu(e)
        }
        """);

    [Test]
    public void ExpandToALengthThatIsZero_StaysThere() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[1, 6]) -> (y: float) {
          t: int64[2] = [0, 6]
          r = Reshape(x, t)
          e = Expand(r, t)
          y = Relu(e)
        }
        """);
}
