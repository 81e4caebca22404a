using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class RecognizeDepthToSpaceTests
{
    private static readonly RecognizeDepthToSpace Pass = new();

    [TestCase("[-1, 3, 2, 2, 4, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 8, 10]", "CRD")]
    [TestCase("[0, 3, 2, 2, -1, 5]", "[0, 1, 4, 2, 5, 3]", "[0, 0, 8, -1]", "CRD")]
    [TestCase("[-1, 2, 2, 3, 4, 5]", "[0, 3, 4, 1, 5, 2]", "[0, 3, -1, 10]", "DCR")]
    public void PixelShuffle_SpelledOut_IsDepthToSpace(string apart, string permutation, string together, string mode) => PassCheck.Verify(
        Pass,
        Text(apart, permutation, together),
        $$"""
        opset 13
        graph g(x: float[N, 12, 4, 5]) -> (y: float) {
          apart: int64[6] = {{apart}}
          together: int64[4] = {{together}}
          s = Relu(x)
          y = DepthToSpace(s) {blocksize = 2, mode = "{{mode}}"}
        }
        """);

    [TestCase("[-1, 3, 2, 2, 4, 5]", "[0, 1, 2, 4, 5, 3]", "[-1, 3, 8, 10]", TestName = "Another permutation")]
    [TestCase("[-1, 3, 2, 2, 5, 4]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 10, 8]", TestName = "Height and width exchanged on the way")]
    [TestCase("[-1, 3, 2, 2, 4, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 10, 8]", TestName = "Other rows behind it")]
    [TestCase("[-1, 3, 4, 1, 4, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 16, 5]", TestName = "Blocks that are no squares")]
    [TestCase("[-1, 6, 2, 2, 2, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 6, 4, 10]", TestName = "Channels that take rows along")]
    public void AnythingElse_StaysAsItIs(string apart, string permutation, string together) => PassCheck.VerifyRefused(Pass, Text(apart, permutation, together));

    [Test]
    public void ResultsInBetweenThatAreRead_Stay() => PassCheck.VerifyRefused(
        Pass,
        """
        opset 13
        graph g(x: float[1, 4, 2, 2]) -> (y: float, t: float) {
          apart: int64[6] = [1, 1, 2, 2, 2, 2]
          together: int64[4] = [1, 1, 4, 4]
          r = Reshape(x, apart)
          t = Transpose(r) {perm = [0, 1, 4, 2, 5, 3]}
          y = Reshape(t, together)
        }
        """);

    /// <summary>ONNX Runtime has no DepthToSpace of them.</summary>
    [Test]
    public void Integers_Stay() => PassCheck.VerifyRefused(Pass, Text("[-1, 3, 2, 2, 4, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 8, 10]").Replace("Relu(x)", "Cast(x) {to = 7}", StringComparison.Ordinal).Replace("y: float", "y: int64", StringComparison.Ordinal));

    [Test]
    public void OpsetWithoutModes_Stays() => PassCheck.VerifyRefused(Pass, Text("[-1, 3, 2, 2, 4, 5]", "[0, 1, 4, 2, 5, 3]", "[-1, 3, 8, 10]").Replace("opset 13", "opset 10", StringComparison.Ordinal));

    private static string Text(string apart, string permutation, string together) =>
        $$"""
        opset 13
        graph g(x: float[N, 12, 4, 5]) -> (y: float) {
          apart: int64[6] = {{apart}}
          together: int64[4] = {{together}}
          s = Relu(x)
          r = Reshape(s, apart)
          t = Transpose(r) {perm = {{permutation}}}
          y = Reshape(t, together)
        }
        """;
}
