using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

internal sealed class SpeedUpReductionsTests
{
    private static readonly SpeedUpReductions Pass = new();

    [TestCase("float[N, 64, 64]")]
    [TestCase("float[1, 64, 64]")]
    [TestCase("int64[1, 64, 64]")]
    public void SumOverTheMiddleAxis_IsTakenInTwoSteps(string type) => PassCheck.Verify(
        Pass,
        $$"""
        opset 13
        graph g(x: {{type}}) -> (y) {
          axis: int64[1] = [-2]
          y = ReduceSum(x, axis) {keepdims = 0}
        }
        """,
        $$"""
        opset 13
        graph g(x: {{type}}) -> (y) {
          axis: int64[1] = [-2]
          y_shape: int64[3] = [-1, 16, 64]
          y_shape_1: int64[3] = [-1, 4, 64]
          y_divided = Reshape(x, y_shape)
          y_parts = ReduceSum(y_divided, axis) {keepdims = 0}
          y_together = Reshape(y_parts, y_shape_1)
          y = ReduceSum(y_together, axis) {keepdims = 0}
        }
        """,
        tolerance: 1e-4f);

    [Test]
    public void MeanThatKeepsItsAxis_IsTakenInTwoSteps() => PassCheck.Verify(
        Pass,
        """
        opset 11
        graph g(x: float[1, 63, 80]) -> (y: float) {
          y = ReduceMean(x) {axes = [1]}
        }
        """,
        """
        opset 11
        graph g(x: float[1, 63, 80]) -> (y: float) {
          y_shape: int64[3] = [-1, 9, 80]
          y_shape_1: int64[3] = [-1, 7, 80]
          y_divided = Reshape(x, y_shape)
          y_parts = ReduceMean(y_divided) {keepdims = 0, axes = [1]}
          y_together = Reshape(y_parts, y_shape_1)
          y = ReduceMean(y_together) {axes = [1]}
        }
        """);

    [TestCase("float[2, 64, 64]", 1, TestName = "{m}(a batch of two)")]
    [TestCase("float[1, 8, 64]", 1, TestName = "{m}(few elements)")]
    [TestCase("float[1, 101, 64]", 1, TestName = "{m}(no parts)")]
    [TestCase("float[1, L, 64]", 1, TestName = "{m}(an open length)")]
    [TestCase("float[1, 64, 64]", 2, TestName = "{m}(the last axis)")]
    public void AnythingElse_IsLeftAlone(string type, int axis) => PassCheck.VerifyRefused(
        Pass,
        $$"""
        opset 13
        graph g(x: {{type}}) -> (y) {
          axis: int64[1] = [{{axis}}]
          y = ReduceSum(x, axis) {keepdims = 0}
        }
        """);

    /// <summary>An application may hand in no sample at all.</summary>
    [Test]
    public void EmptyBatch_StaysOne()
    {
        var model = GraphText.Parse(
            """
            opset 13
            graph g(x: float[N, 64, 64]) -> (y: float) {
              axis: int64[1] = [1]
              y = ReduceSum(x, axis)
            }
            """);
        Pass.Run(model);
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);

        var result = session.Run(ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([0, 64, 64], [])), ["y"]).Single();

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes, Has.Count.EqualTo(4));
            Assert.That(result.Dimensions, Is.EqualTo(new long[] { 0, 1, 64 }));
        }
    }
}
