using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests;

/// <summary>What is read of a body is what the body makes when ONNX Runtime runs the whole model: its scan output says so.</summary>
internal sealed class ScopedModelTests
{
    /// <summary>Trip counts and conditions, given or left out; the body ends the loop itself after iteration 4.</summary>
    [TestCase("trips", "_")]
    [TestCase("_", "go")]
    [TestCase("trips", "go")]
    [TestCase("none", "go")]
    [TestCase("trips", "stop")]
    public void Loop_EveryIteration_IsRead(string count, string condition) => VerifyScanOutput(
        $$"""
        opset 13
        graph tiny(x: float[2, 3]) -> (all: float) {
          trips: int64[] = [3]
          none: int64[] = [0]
          go: bool[] = [1]
          stop: bool[] = [0]
          last, all = Loop({{count}}, {{condition}}, x) {
            body = graph step(i: int64[], c: bool[], state: float) -> (more, next: float, made: float) {
              four: int64[] = [4]
              two: float[] = [2]
              more = Less(i, four)
              next = Mul(state, two)
              wanted = Add(next, x)
              made = Identity(wanted)
            }
          }
        }
        """);

    [TestCase(0, 0)]
    [TestCase(0, 1)]
    [TestCase(1, 0)]
    [TestCase(1, 1)]
    [TestCase(-1, 1)]
    public void Scan_EveryStep_IsRead(int axis, int direction) => VerifyScanOutput(
        $$"""
        opset 13
        graph tiny(x: float[3, 3]) -> (all: float) {
          start: float[3] = [1, 2, 3]
          last, all = Scan(start, x) {
            body = graph step(state: float[3], slice: float[3]) -> (next: float[3], made: float[3]) {
              next = Add(state, slice)
              wanted = Mul(next, slice)
              made = Identity(wanted)
            },
            num_scan_inputs = 1, scan_input_axes = [{{axis}}], scan_input_directions = [{{direction}}]
          }
        }
        """);

    /// <summary>A branch inside a loop, which every other iteration takes.</summary>
    [Test]
    public void If_InLoop_IsReadWhereItIsTaken()
    {
        var read = Read(
            """
            opset 13
            graph tiny(x: float[2]) -> (last: float) {
              trips: int64[] = [5]
              last = Loop(trips, _, x) {
                body = graph step(i: int64[1], c: bool[1], state: float) -> (more, next: float) {
                  two: int64[] = [2]
                  zero: int64[] = [0]
                  more = Identity(c)
                  rest = Mod(i, two)
                  even = Equal(rest, zero)
                  next = If(even) {
                    then_branch = graph then() -> (a: float) {
                      wanted = Add(state, state)
                      a = Identity(wanted)
                    },
                    else_branch = graph else() -> (b: float) {
                      b = Neg(state)
                    }
                  }
                }
              }
            }
            """, [1, 3]);

        Assert.That(read, Is.EqualTo([2f, 6, -4, -12, 8, 24]));
    }

    private static void VerifyScanOutput(string text)
    {
        var model = GraphText.Parse(text);
        var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", new TinyModels().Random([.. model.Graph.Inputs[0].DeclaredShape.Select(length => length!.Value)]));
        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);
        var expected = session.Run(inputs, ["all"])[0].ToFloats();

        Assert.That(Read(text, inputs["x"].ToFloats()), Is.EqualTo(expected));
    }

    /// <summary>Everything that was read of the value called wanted, one run of its scope after the other.</summary>
    private static float[] Read(string text, float[] x)
    {
        var model = GraphText.Parse(text);
        var wanted = Bodies.Scopes(model.Graph).SelectMany(graph => graph.Values).Single(value => value.Name == "wanted");
        using var scoped = new ScopedModel(model, [wanted]);
        var read = new List<float>();
        var shape = model.Graph.Inputs[0].DeclaredShape.Select(length => length!.Value).ToImmutableArray();
        scoped.Run(
            ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>(shape, x)),
            (_, _, _, bytes) => read.AddRange(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes)));
        return [.. read];
    }
}
