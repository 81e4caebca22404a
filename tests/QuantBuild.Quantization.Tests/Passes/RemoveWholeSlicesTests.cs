using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class RemoveWholeSlicesTests
{
    private static readonly RemoveWholeSlices Pass = new();

    [TestCase("[9223372036854775807, 5]", TestName = "{m}(no end)")]
    [TestCase("[1000000000, 9]", TestName = "{m}(no end in tf2onnx)")]
    public void SliceOfEverything_IsTakenOut(string ends) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: float[N, 3, 5]) -> (y: float) {
          starts: int64[2] = [0, 0]
          ends: int64[2] = {{ends}}
          axes: int64[2] = [0, -1]
          s = Slice(x, starts, ends, axes)
          y = Relu(s)
        }
        """,
        $$"""
        opset 13
        graph g(x: float[N, 3, 5]) -> (y: float) {
          starts: int64[2] = [0, 0]
          ends: int64[2] = {{ends}}
          axes: int64[2] = [0, -1]
          y = Relu(x)
        }
        """);

    [TestCase("[0, 1]", "[9, 9]", "[1, 1]", TestName = "{m}(it begins later)")]
    [TestCase("[0, 0]", "[9, 4]", "[1, 1]", TestName = "{m}(it ends earlier)")]
    [TestCase("[0, 0]", "[9, -1]", "[1, 1]", TestName = "{m}(it leaves out the last)")]
    [TestCase("[0, 0]", "[9, 9]", "[1, 2]", TestName = "{m}(it takes every other)")]
    [TestCase("[0, 0]", "[9, 9]", "[1, 1]", "N", TestName = "{m}(an open length)")]
    public void AnythingElse_IsLeftAlone(string starts, string ends, string steps, string rows = "3") => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: float[{{rows}}, 5]) -> (y: float) {
          starts: int64[2] = {{starts}}
          ends: int64[2] = {{ends}}
          axes: int64[2] = [0, 1]
          steps: int64[2] = {{steps}}
          s = Slice(x, starts, ends, axes, steps)
          y = Relu(s)
        }
        """);

    /// <summary>As where a batch was opened after the export: ONNX Runtime runs the model, and the declarations are wrong.</summary>
    [Test]
    public void ShapeThatIsOnlyDeclared_IsNotBelieved()
    {
        var model = GraphText.Parse(
            """
            opset 13
            graph g(x: float[N, 5]) -> (y: float) {
              starts: int64[1] = [0]
              ends: int64[1] = [1]
              r = Neg(x)
              s = Slice(r, starts, ends)
              y = Relu(s)
            }
            """);
        model.Graph.Find("r")!.Declare(ElementType.Float, [1, 5]);

        Pass.Run(model);

        Assert.That(model.Graph.Nodes.Select(node => node.OpType), Is.EqualTo(new[] { "Neg", "Slice", "Relu" }));
    }
}
