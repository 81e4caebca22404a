using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class InlineFunctionsTests
{
    private static readonly InlineFunctions Pass = new();

    [Test]
    public void Call_Twice_GetsNamesOfItsOwn() => PassCheck.Verify(
        Pass,
        """
        opset 17, local 1
        graph g(x: float[2]) -> (y: float[2]) {
          silu_s: float[2] = [1, 2]
          a = Mul(x, silu_s)
          b = local::silu(a)
          y = local::silu(b) as last
        }
        function local::silu(x) -> (y) opset 17 {
          s: float[2] = Sigmoid(x) as sigmoid
          y = Mul(x, s)
        }
        function local::unused(x) -> (y) opset 17 {
          y = Neg(x)
        }
        """,
        """
        opset 17
        graph g(x: float[2]) -> (y: float[2]) {
          silu_s: float[2] = [1, 2]
          a = Mul(x, silu_s)
          silu_s_1: float[2] = Sigmoid(a) as silu_sigmoid
          b = Mul(a, silu_s_1)
          last_s: float[2] = Sigmoid(b) as last_sigmoid
          y = Mul(b, last_s)
        }
        """);

    [Test]
    public void Call_NestedAndWithAttributes_IsExpandedToOperators() => PassCheck.Verify(
        Pass,
        """
        opset 17, local 1
        graph g(x: float[1, 4]) -> (y: float[1, 4], z: float[1, 4]) {
          y = local::outer(x) {slope = 0.5}
          z = local::outer(x) {scale = 3.0, slope = 0.25}
        }
        function local::outer<slope, scale = 2.0>(x) -> (y) opset 17, local 1 {
          c = Constant() {value_float = @scale: float}
          t = local::inner(x) {alpha = @slope: float}
          y = Mul(t, c)
        }
        function local::inner<alpha, axis>(x) -> (y) opset 17 {
          t = LeakyRelu(x) {alpha = @alpha: float}
          y = Softmax(t) {axis = @axis: int}
        }
        """,
        """
        opset 17
        graph g(x: float[1, 4]) -> (y: float[1, 4], z: float[1, 4]) {
          outer_c = Constant() {value_float = 2.0}
          inner_t = LeakyRelu(x) {alpha = 0.5}
          outer_t = Softmax(inner_t)
          y = Mul(outer_t, outer_c)
          outer_c_1 = Constant() {value_float = 3.0}
          inner_t_1 = LeakyRelu(x) {alpha = 0.25}
          outer_t_1 = Softmax(inner_t_1)
          z = Mul(outer_t_1, outer_c_1)
        }
        """);

    [Test]
    public void Call_MissingInputs_AreLeftOut() => PassCheck.Verify(
        Pass,
        """
        opset 17, local 1
        graph g(x: float[4]) -> (y: float[4]) {
          high: float[] = [0.5]
          y = local::clip(x, _, high)
        }
        function local::clip(x, low, high, more) -> (y) opset 17 {
          y = Clip(x, low, high)
        }
        """,
        """
        opset 17
        graph g(x: float[4]) -> (y: float[4]) {
          high: float[] = [0.5]
          y = Clip(x, _, high)
        }
        """);

    /// <summary>Text alone: ONNX Runtime loads no such functions, which ONNX does not forbid.</summary>
    [Test]
    public void Call_OutputsThatAreMissingOrInputsOrTheSame_AreHandedOn()
    {
        var model = GraphText.Parse(
            """
            opset 17, local 1
            graph g(x: float[4]) -> (second: float[4], third: float[4], fourth: float[4]) {
              _, second, third, fourth = local::many(x)
            }
            function local::many(x) -> (a, x, b, b) opset 17 {
              a = Neg(x)
              b = Relu(a)
            }
            """);

        Pass.Run(model);

        Assert.That(GraphText.Print(model), Is.EqualTo(GraphText.Print(GraphText.Parse(
            """
            opset 17
            graph g(x: float[4]) -> (second: float[4], third: float[4], fourth: float[4]) {
              many_a = Neg(x)
              third = Relu(many_a)
              second = Identity(x)
              fourth = Identity(third)
            }
            """))));
    }

    [Test]
    public void Call_InBranchesAndWithBranches_IsInlined() => PassCheck.Verify(
        Pass,
        """
        opset 17, local 1
        graph g(c: bool[], x: float[2]) -> (y: float[2]) {
          y = If(c) {
            then_branch = graph then() -> (t: float[2]) {
              t = local::choose(c, x)
            },
            else_branch = graph other() -> (e: float[2]) {
              e = Neg(x)
            }
          }
        }
        function local::choose(c, x) -> (y) opset 17 {
          h = Relu(x)
          y = If(c) {
            then_branch = graph then() -> (t: float[2]) {
              k: float[2] = [1, 2]
              u = Add(h, k)
              t = Neg(u)
            },
            else_branch = graph other() -> (t: float[2]) {
              t = Identity(x)
            }
          }
        }
        """,
        """
        opset 17
        graph g(c: bool[], x: float[2]) -> (y: float[2]) {
          y = If(c) {
            then_branch = graph then() -> (t: float[2]) {
              choose_h = Relu(x)
              t = If(c) {
                then_branch = graph then() -> (choose_t: float[2]) {
                  choose_k: float[2] = [1, 2]
                  choose_u = Add(choose_h, choose_k)
                  choose_t = Neg(choose_u)
                },
                else_branch = graph other() -> (choose_t_1: float[2]) {
                  choose_t_1 = Identity(x)
                }
              }
            },
            else_branch = graph other() -> (e: float[2]) {
              e = Neg(x)
            }
          }
        }
        """);

    [Test]
    public void Function_OfAnotherDomain_IsImported() => PassCheck.Verify(
        Pass,
        """
        opset 17, local 1
        graph g(x: float[1, 4]) -> (y: float[1, 4]) {
          y = local::gelu(x)
        }
        function local::gelu(x) -> (y) opset 17, com.microsoft 1 {
          y = com.microsoft::Gelu(x)
        }
        """,
        """
        opset 17, com.microsoft 1
        graph g(x: float[1, 4]) -> (y: float[1, 4]) {
          y = com.microsoft::Gelu(x)
        }
        """);

    /// <summary>Only types and defaults changed: the operators mean the same.</summary>
    [TestCase(13, 17)]
    [TestCase(17, 13)]
    public void Function_OfAnotherOpset_IsInlinedWhereNothingChanged(int model, int function) => PassCheck.Verify(
        Pass,
        $$"""
        opset {{model}}, local 1
        graph g(x: float[2]) -> (y: float[2]) {
          y = local::f(x)
        }
        function local::f(x) -> (y) opset {{function}} {
          y = Softmax(x)
        }
        """,
        $$"""
        opset {{model}}
        graph g(x: float[2]) -> (y: float[2]) {
          y = Softmax(x)
        }
        """);

    private const string WrittenForOpset13 =
        """
        opset 11, local 1
        graph g(x: float[1, 4]) -> (y: float[1, 4]) {
          y = local::f(x) as call
        }
        function local::f(x) -> (y) opset 13, local 1 {
          a = local::double(x)
          y = Softmax(a)
        }
        function local::double(x) -> (y) opset 13 {
          y = Add(x, x)
        }
        """;

    [Test]
    public void Function_OfAnotherOpsetWhereAnOperatorChanged_IsLeftWithItsReason()
    {
        PassCheck.VerifyRefused(Pass, WrittenForOpset13);

        Assert.That(
            InlineFunctions.Refusals(GraphText.Parse(WrittenForOpset13)).Select(entry => $"{entry.Key}: {entry.Value}"),
            Is.EqualTo(["f 'call': its function is written for opset 13 and the model for 11, and Softmax differs between them"]));
    }

    /// <summary>ONNX Runtime would read the function by the model's new opset.</summary>
    [Test]
    public void RaiseOpset_FunctionThatIsLeft_IsABlocker() => PassCheck.VerifyRefused(new RaiseOpset(), WrittenForOpset13);

    [Test]
    public void Function_ThatCallsItself_IsLeft()
    {
        var model = GraphText.Parse(
            """
            opset 17, local 1
            graph g(x: float[2]) -> (y: float[2]) {
              y = local::f(x)
            }
            function local::f(x) -> (y) opset 17, local 1 {
              y = local::g(x)
            }
            function local::g(x) -> (y) opset 17, local 1 {
              y = local::f(x)
            }
            """);

        Pass.Run(model);

        Assert.That(model.Graph.Nodes.Select(node => node.OpType), Is.EqualTo(["f"]));
    }
}
