using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Quantization.Tests;

internal sealed class HeldResultsTests
{
    /// <summary>What the session gives out: something computed, a view of the input, and the input itself.</summary>
    private const string Graph =
        """
        opset 17
        graph g(x: float[2, 2]) -> (doubled: float, flat: float, same: float) {
          two: float[1] = [2]
          all: int64[1] = [-1]
          doubled = Mul(x, two)
          flat = Reshape(x, all)
          same = Identity(x)
        }
        """;

    private static readonly string[] Names = ["doubled", "flat", "same"];

    /// <summary>Other runs and collections of garbage lie in between.</summary>
    [Test]
    public void Run_Held_LastsUntilDisposed()
    {
        using var session = InferenceModel.Load(GraphText.Parse(Graph), Optimization.Float);
        using var held = new HeldResults();
        var tensors = new TensorData[Names.Length];
        session.Run(Input(1), Names, held, (index, tensor) => tensors[index] = tensor);
        for (var run = 0; run < 8; run++)
        {
            session.Run(Input(-run), Names);
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensors[0].ToFloats(), Is.EqualTo([2f, 4f, 6f, 8f]));
            Assert.That(tensors[1].ToFloats(), Is.EqualTo([1f, 2f, 3f, 4f]));
            Assert.That(tensors[1].Dimensions, Is.EqualTo([4L]));
            Assert.That(tensors[2].ToFloats(), Is.EqualTo([1f, 2f, 3f, 4f]));
        }
    }

    /// <summary>A held tensor is what another run takes in.</summary>
    [Test]
    public void Run_OnHeldTensors_ReadsTheirElements()
    {
        using var session = InferenceModel.Load(GraphText.Parse(Graph), Optimization.Float);
        using var held = new HeldResults();
        var known = new Dictionary<string, TensorData>();
        session.Run(Input(1), Names, held, (index, tensor) => known[Names[index]] = tensor);

        var again = session.Run(new SampleInputs(ImmutableDictionary<string, TensorData>.Empty.Add("x", known["doubled"])), Names);

        Assert.That(again[0].ToFloats(), Is.EqualTo([4f, 8f, 12f, 16f]));
    }

    [Test]
    public void Bytes_AfterDisposing_Throw()
    {
        using var session = InferenceModel.Load(GraphText.Parse(Graph), Optimization.Float);
        TensorData? kept = null;
        using (var held = new HeldResults())
        {
            session.Run(Input(1), Names, held, (_, tensor) => kept = tensor);
        }

        Assert.That(() => kept!.Bytes.Span.Length, Throws.TypeOf<ObjectDisposedException>());
    }

    private static SampleInputs Input(float factor) => new(ImmutableDictionary<string, TensorData>.Empty.Add(
        "x", TensorData.Create<float>([2, 2], [factor, 2 * factor, 3 * factor, 4 * factor])));
}
