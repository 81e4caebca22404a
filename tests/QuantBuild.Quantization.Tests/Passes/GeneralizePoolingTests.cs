using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class GeneralizePoolingTests
{
    private static readonly GeneralizePooling Pass = new();

    [Test]
    public void Average_OverTheWholePlane_IsGlobal() => PassCheck.Verify(
        Pass, Pooling("float[?, 2, 3, 4]", "kernel_shape = [3, 4], strides = [3, 4]"),
        """
        opset 13
        graph g(x: float[?, 2, 3, 4]) -> (y: float) {
          r = Relu(x)
          y = GlobalAveragePool(r)
        }
        """);

    [TestCase("float[1, 2, 3, 4]", "kernel_shape = [3, 3]", TestName = "{m}(a part)")]
    [TestCase("float[1, 2, 3, ?]", "kernel_shape = [3, 2]", TestName = "{m}(open width)")]
    [TestCase("float[1, 2, 3, 4]", "kernel_shape = [3, 4], pads = [0, 1, 0, 0]", TestName = "{m}(padding)")]
    public void AnythingElse_IsLeftAlone(string input, string attributes) => PassCheck.VerifyRefused(Pass, Pooling(input, attributes));

    private static string Pooling(string input, string attributes) =>
        $$"""
        opset 13
        graph g(x: {{input}}) -> (y: float) {
          r = Relu(x)
          y = AveragePool(r) { {{attributes}} }
        }
        """;
}
