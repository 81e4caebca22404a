using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>Passes that take away or move, and compute nothing.</summary>
internal sealed class CleaningPassesTests
{
    [Test]
    public void RemoveNoOperations_IdentityAndDropout_AreGone() => PassCheck.Verify(
        new RemoveNoOperations(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          a = Identity(x)
          b, mask = Dropout(a)
          c = Relu(b)
          y = Identity(c)
        }
        """,
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          y = Relu(x)
        }
        """);

    [TestCase(13, "p: int64[4] = [0, 0, 0, 0]", "Pad(x, p)", TestName = "{m}(input)")]
    [TestCase(13, "p: int64[4] = [0, 0, 0, 0]", "Pad(x, p) {mode = \"reflect\"}", TestName = "{m}(reflection)")]
    [TestCase(7, "p: int64[1] = [0]", "Pad(x) {pads = [0, 0, 0, 0]}", TestName = "{m}(attribute)")]
    public void RemoveNoOperations_PadOfNothing_IsGone(int opset, string pads, string pad) => PassCheck.Verify(
        new RemoveNoOperations(),
        $$"""
        opset {{opset}}
        graph g(x: float[1, 2]) -> (y: float[1, 2]) {
          {{pads}}
          a = {{pad}}
          y = Relu(a)
        }
        """,
        $$"""
        opset {{opset}}
        graph g(x: float[1, 2]) -> (y: float[1, 2]) {
          {{pads}}
          y = Relu(x)
        }
        """);

    [Test]
    public void RemoveNoOperations_PadOfSomething_Stays() => PassCheck.VerifyRefused(
        new RemoveNoOperations(), "opset 13 graph g(x: float[1, 2]) -> (y: float) { p: int64[4] = [0, 0, 0, 1] a = Pad(x, p) y = Relu(a) }");

    [Test]
    public void RemoveNoOperations_InBranches_AreGoneToo() => PassCheck.Verify(
        new RemoveNoOperations(),
        """
        opset 13
        graph g(c: bool[], x: float[2]) -> (y: float[2]) {
          y = If(c) {
            then_branch = graph then() -> (t: float[2]) {
              a = Relu(x)
              t = Identity(a)
            },
            else_branch = graph other() -> (e: float[2]) {
              e = Neg(x)
            }
          }
        }
        """,
        """
        opset 13
        graph g(c: bool[], x: float[2]) -> (y: float[2]) {
          y = If(c) {
            then_branch = graph then() -> (t: float[2]) {
              t = Relu(x)
            },
            else_branch = graph other() -> (e: float[2]) {
              e = Neg(x)
            }
          }
        }
        """);

    /// <summary>An input cannot be an output, one value cannot be two outputs, and a branch cannot hand out what lies outside.</summary>
    [TestCase("(x: float[2]) -> (y: float[2])", "y = Identity(x)")]
    [TestCase("(x: float[2]) -> (y: float[2], z: float[2])", "y = Relu(x) z = Identity(y)")]
    [TestCase("(x: float[2], c: bool[]) -> (y: float[2])", "y = If(c) {then_branch = graph t() -> (a: float[2]) { a = Identity(x) }, else_branch = graph e() -> (b: float[2]) { b = Neg(x) }}")]
    public void RemoveNoOperations_IdentityThatIsNeeded_Stays(string signature, string body) =>
        PassCheck.VerifyRefused(new RemoveNoOperations(), $"opset 13 graph g{signature} {{ {body} }}");

    [Test]
    public void MoveConstantsToInitializers_EveryKind_IsMoved() => PassCheck.Verify(
        new MoveConstantsToInitializers(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2], z: float[2, 1], i: int64[1], s: int64[]) {
          a = Constant() {value = float[2] [1, 2]}
          b = Constant() {value_float = 0.5}
          c = Constant() {value_floats = [3.0, 4.0]}
          d = Constant() {value_ints = [2, 1]}
          e = Constant() {value_int = 7}
          f = Add(x, a)
          h = Mul(f, b)
          y = Add(h, c)
          z = Reshape(y, d)
          i = Shape(x)
          s = Identity(e)
        }
        """,
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2], z: float[2, 1], i: int64[1], s: int64[]) {
          a_value: float[2] = [1, 2]
          b_value: float[] = [0.5]
          c_value: float[2] = [3, 4]
          d_value: int64[2] = [2, 1]
          e_value: int64[] = [7]
          f = Add(x, a_value)
          h = Mul(f, b_value)
          y = Add(h, c_value)
          z = Reshape(y, d_value)
          i = Shape(x)
          s = Identity(e_value)
        }
        """);

    [Test]
    public void MoveConstantsToInitializers_Strings_Stay() => PassCheck.VerifyRefused(
        new MoveConstantsToInitializers(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          s = Constant() {value_strings = ["a", "b"]}
          y = Relu(x)
        }
        """);

    [Test]
    public void DetachInitializersFromInputs_Weights_AreConstants() => PassCheck.Verify(
        new DetachInitializersFromInputs(),
        """
        ir 3
        opset 8
        graph g(x: float[2], w: float[2]) -> (y: float[2]) {
          w: float[2] = [1, 2]
          y = Add(x, w)
        }
        """,
        """
        opset 8
        graph g(x: float[2]) -> (y: float[2]) {
          w: float[2] = [1, 2]
          y = Add(x, w)
        }
        """);

    [Test]
    public void FoldConstants_ShapeArithmetic_IsComputed() => PassCheck.Verify(
        new FoldConstants(),
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float) {
          a: int64[1] = [3]
          b: int64[1] = [2]
          shape = Concat(a, b) {axis = 0}
          y = Reshape(x, shape)
        }
        """,
        """
        opset 13
        graph g(x: float[2, 3]) -> (y: float) {
          shape_folded: int64[2] = [3, 2]
          y = Reshape(x, shape_folded)
        }
        """);

    [Test]
    public void FoldConstants_RandomNumbers_Stay() => PassCheck.VerifyRefused(
        new FoldConstants(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          w: float[2] = [1, 2]
          r = RandomNormalLike(w)
          zero = Sub(r, r)
          y = Add(x, zero)
        }
        """);

    [Test]
    public void FoldConstants_ResultOfMegabytes_IsLeftToTheRun() => PassCheck.VerifyRefused(
        new FoldConstants(),
        """
        opset 13
        graph g(position: int64[2]) -> (y: float) {
          shape: int64[2] = [1024, 512]
          zeros = ConstantOfShape(shape)
          y = GatherND(zeros, position)
        }
        """);

    [Test]
    public void RemoveUnused_WhatNoOutputReads_IsGone() => PassCheck.Verify(
        new RemoveUnused(),
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          w: float[2] = [1, 2]
          v: float[2] = [3, 4]
          a = Add(x, w)
          b = Neg(a)
          y = Add(x, v)
        }
        """,
        """
        opset 13
        graph g(x: float[2]) -> (y: float[2]) {
          v: float[2] = [3, 4]
          y = Add(x, v)
        }
        """);
}
