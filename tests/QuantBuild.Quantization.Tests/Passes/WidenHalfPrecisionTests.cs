using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>Half precision inside of a model becomes single precision, and nothing of it is seen from outside.</summary>
internal sealed class WidenHalfPrecisionTests
{
    [Test]
    public void InputsAndOutputs_KeepTypesAndNames() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float16[2]) -> (y: float16[2]) {
          b: float16[2] = [1, -0.5]
          a = Max(x, b)
          y = Relu(a)
        }
        """,
        """
        opset 13
        graph g(x: float16[2]) -> (y: float16[2]) {
          b: float[2] = [1, -0.5]
          x_float = Cast(x) {to = 1}
          a = Max(x_float, b)
          y_replaced: float[2] = Relu(a)
          y = Cast(y_replaced) {to = 10}
        }
        """);

    /// <summary>An output that is read inside as well is read before it is rounded.</summary>
    [Test]
    public void OutputInTheMiddle_IsReadAsItWas() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float16[2]) -> (m: float16[2], y: float16[2]) {
          m = Relu(x)
          y = Neg(m)
        }
        """,
        """
        opset 13
        graph g(x: float16[2]) -> (m: float16[2], y: float16[2]) {
          x_float = Cast(x) {to = 1}
          m_replaced: float[2] = Relu(x_float)
          y_replaced: float[2] = Neg(m_replaced)
          m = Cast(m_replaced) {to = 10}
          y = Cast(y_replaced) {to = 10}
        }
        """);

    /// <summary>As converters leave it that keep the types of inputs and outputs.</summary>
    [Test]
    public void CastsAround_AreGone() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          b: float16[2] = [1, -0.5]
          h = Cast(x) {to = 10}
          a = Max(h, b)
          w = Cast(a) {to = 1}
          y = Relu(w)
        }
        """,
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          b: float[2] = [1, -0.5]
          a = Max(x, b)
          y = Relu(a)
        }
        """,
        tolerance: 1e-3f);

    [Test]
    public void WhatNodesMake_IsWideToo() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float16[2]) -> (y: float16[2]) {
          s = Shape(x)
          c = ConstantOfShape(s) {value = float16[1] [0.5]}
          y = Add(x, c)
        }
        """,
        """
        opset 13
        graph g(x: float16[2]) -> (y: float16[2]) {
          x_float = Cast(x) {to = 1}
          s = Shape(x_float)
          c = ConstantOfShape(s) {value = float[1] [0.5]}
          y_replaced: float[2] = Add(x_float, c)
          y = Cast(y_replaced) {to = 10}
        }
        """);

    [Test]
    public void Bodies_AreWideToo() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float16[2], c: bool[1]) -> (y: float16[2]) {
          y = If(c) {
            then_branch = graph t() -> (a: float16[2]) { k: float16[2] = [1, 2] a = Max(x, k) },
            else_branch = graph e() -> (b: float16[2]) { b = Relu(x) }
          }
        }
        """,
        """
        opset 13
        graph g(x: float16[2], c: bool[1]) -> (y: float16[2]) {
          x_float = Cast(x) {to = 1}
          y_replaced: float[2] = If(c) {
            then_branch = graph t() -> (a: float[2]) { k: float[2] = [1, 2] a = Max(x_float, k) },
            else_branch = graph e() -> (b: float[2]) { b = Relu(x_float) }
          }
          y = Cast(y_replaced) {to = 10}
        }
        """);

    /// <summary>Types inside of bodies are guesses: a Cast that makes floats of conditions has to stay.</summary>
    [Test]
    public void CastOfConditionInABody_Stays() => PassCheck.Verify(
        new WidenHalfPrecision(),
        """
        opset 13
        graph g(x: float16[2], c: bool[1]) -> (y: float16[2]) {
          y = If(c) {
            then_branch = graph t() -> (a: float16[2]) { k: float16[2] = [0, 0] m = Greater(x, k) f = Cast(m) {to = 10} a = Mul(f, x) },
            else_branch = graph e() -> (b: float16[2]) { b = Relu(x) }
          }
        }
        """,
        """
        opset 13
        graph g(x: float16[2], c: bool[1]) -> (y: float16[2]) {
          x_float = Cast(x) {to = 1}
          y_replaced: float[2] = If(c) {
            then_branch = graph t() -> (a: float[2]) { k: float[2] = [0, 0] m = Greater(x_float, k) f = Cast(m) {to = 1} a = Mul(f, x_float) },
            else_branch = graph e() -> (b: float[2]) { b = Relu(x_float) }
          }
          y = Cast(y_replaced) {to = 10}
        }
        """);

    /// <summary>What is rounded to half at the end alone computes in single precision already.</summary>
    [Test]
    public void OutputThatIsRounded_IsNoHalfPrecision() => PassCheck.VerifyRefused(
        new WidenHalfPrecision(), "opset 13 graph g(x: float[2]) -> (y: float16[2]) { a = Relu(x) y = Cast(a) {to = 10} }");
}
