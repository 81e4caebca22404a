using QuantBuild.Onnx;
using QuantBuild.Quantization.Passes;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>
/// A Scan of opset 8 over a batch of 2 and 4 steps, with a state; over one input twice, the second time from its end. Its body has a Clip, which changed in opset
/// 11, and reads a value of the graph around it.
/// </summary>
internal sealed class RaiseScanTests
{
    private const string Batch =
        """
        opset 8
        graph g(i: float[2, 3], x: float[2, 4, 3], q: float[3]) -> (last: float, made: float, differences: float) {
          k = Neg(q)
          last, made, differences = Scan(_, i, x, x) {
            body = graph step(s: float[3], a: float[3], b: float[3]) -> (u: float[3], o: float[3], d: float[3]) {
              t = Add(s, a)
              u = Clip(t) {max = 2.0, min = -0.5}
              o = Mul(u, k)
              d = Sub(b, a)
            },
            directions = [0, 1],
            num_scan_inputs = 2
          } as scan
        }
        """;

    [Test]
    public void Run_ScanOfABatch_BecomesOneInAnother() => PassCheck.Verify(
        new RaiseOpset(),
        Batch,
        """
        opset 13
        graph g(i: float[2, 3], x: float[2, 4, 3], q: float[3]) -> (last: float, made: float, differences: float) {
          k = Neg(q)
          last, made, differences = Scan(i, x, x) {
            body = graph Scan_body(i_in0: float, x_in1: float, x_in2: float) -> (last_out0, made_out1, differences_out2) {
              last_out0, made_out1, differences_out2 = Scan(i_in0, x_in1, x_in2) {
                body = graph step(s: float[3], a: float[3], b: float[3]) -> (u: float[3], o: float[3], d: float[3]) {
                  u_min: float[] = [-0.5]
                  u_max: float[] = [2]
                  t = Add(s, a)
                  u = Clip(t, u_min, u_max)
                  o = Mul(u, k)
                  d = Sub(b, a)
                },
                num_scan_inputs = 2,
                scan_input_directions = [0, 1]
              } as scan
            },
            num_scan_inputs = 3
          } as scan
        }
        """);

    /// <summary>All passes go through the bodies in bodies.</summary>
    [Test]
    public void Prepare_ScanOfABatch_GivesTheSame() => PassCheck.VerifySameResults(GraphText.Parse(Batch), PassPipeline.Default.Run(GraphText.Parse(Batch)));

    [Test]
    public void Run_ScanOfUnequalLengths_StaysAndNamesTheNode()
    {
        const string Lengths =
            """
            opset 8
            graph g(x: float[2, 4, 3]) -> (made: float) {
              n: int64[2] = [4, 2]
              made = Scan(n, x) {
                body = graph step(a: float[3]) -> (o: float[3]) {
                  o = Neg(a)
                },
                num_scan_inputs = 1
              } as scan
            }
            """;

        PassCheck.VerifyRefused(new RaiseOpset(), Lengths);

        Assert.That(RaiseOpset.Obstacle(GraphText.Parse(Lengths), RaiseOpset.Sufficient), Is.EqualTo("Scan 'scan'"));
    }
}
