using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Tests;

/// <summary>Operators in the bodies of Loop and Scan are quantized like those of the main graph.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class LoopTests : BodyChecks
{
    /// <summary>The condition ends the loop after five of nine iterations.</summary>
    [Test]
    public void Loop_StateAndScanOutput_IsInt8()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 16]) -> (y: float) {
              {{Weights("w", 16, 16)}}
              trips: int64[] = [9]
              axis: int64[1] = [1]
              last, all = Loop(trips, _, x) {
                body = graph step(i: int64[], go: bool[], state: float[1, 16]) -> (more, next: float, made: float) {
                  four: int64[] = [4]
                  third: float[] = [0.3]
                  more = Less(i, four)
                  product = MatMul(state, w)
                  scaled = Mul(product, third)
                  next = Add(scaled, x)
                  made = Tanh(next)
                }
              } as steps
              flat = Squeeze(all, axis)
              y = Concat(last, flat) {axis = 0}
            }
            """);

        var result = Verify(model, [1, 16], new());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Single(row => row.Name == "steps/body/product").Decision, Is.EqualTo(OperatorDecision.Int8));
            Assert.That(Kernels, Does.Contain("MatMulIntegerToFloat"));
            // What enters the first iteration is below 1, and what the others carry is covered as well.
            Assert.That(result.Report.Tensors.Single().Max, Is.GreaterThan(1.2));
        }
    }

    [TestCase(0, 0)]
    [TestCase(1, 1)]
    public void Scan_AxisAndDirection_IsInt8(int axis, int direction)
    {
        var result = Verify(GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 5, 5, 16]) -> (y: float) {
              {{Weights("w", 16, 16)}}
              zero: int64[1] = [0]
              cube = Squeeze(x, zero)
              start = ReduceMean(cube) {axes = [0], keepdims = 0}
              last, all = Scan(start, cube) {
                body = graph step(state: float[5, 16], slice: float[5, 16]) -> (next: float[5, 16], made: float[5, 16]) {
                  half: float[] = [0.5]
                  product = MatMul(slice, w)
                  kept = Mul(state, half)
                  next = Sub(kept, product)
                  made = MatMul(next, w)
                },
                num_scan_inputs = 1, scan_input_axes = [{{axis}}], scan_input_directions = [{{direction}}]
              }
              one = Unsqueeze(last, zero)
              y = Concat(one, all) {axis = 0}
            }
            """), [1, 5, 5, 16], new());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Count(row => row is { Type: "MatMul", Decision: OperatorDecision.Int8 }), Is.EqualTo(2));
            Assert.That(Kernels.Count(type => type is "MatMulIntegerToFloat" or "QLinearMatMul"), Is.EqualTo(2));
        }
    }

    [Test]
    public void Loop_OverASequence_StaysFloatWithTheReason()
    {
        var model = GraphText.Parse(
            $$"""
            opset 16
            graph tiny(x: float[1, 16]) -> (y: float) {
              {{Weights("w", 16, 16)}}
              trips: int64[] = [3]
              empty = SequenceEmpty()
              all = Loop(trips, _, empty) {
                body = graph step(i: int64[], go: bool[], before: seq(float)) -> (more, after: seq(float)) {
                  more = Identity(go)
                  made = MatMul(x, w)
                  after = SequenceInsert(before, made)
                }
              }
              joined = ConcatFromSequence(all) {axis = 0}
              y = MatMul(joined, w)
            }
            """);

        var result = Verify(model, [1, 16], new());

        Assert.That(result.Report.Operators.First(row => row.Type == "MatMul").Reason, Is.EqualTo("its Loop takes in values that are no tensors"));
    }
}
