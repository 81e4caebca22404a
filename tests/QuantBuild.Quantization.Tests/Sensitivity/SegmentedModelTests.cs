using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Sensitivity;

namespace QuantBuild.Quantization.Tests.Sensitivity;

/// <summary>In segments a model computes what it computes as a whole, with a value changed between them too.</summary>
internal sealed class SegmentedModelTests
{
    /// <summary>Other kernels may be fused in segments than in the whole.</summary>
    private const float Precision = 1e-5f;

    private const string Weights =
        """
          w: float[4, 4] = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8, 0.9, 0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7]
          v: float[4, 4] = [0.3, 0.1, -0.7, 0.2, 0.2, -0.4, 0.5, 0.6, -0.9, 0.8, 0.1, 0.1, 0.5, -0.3, 0.2, -0.6]
          zero: float[] = [0]
        """;

    /// <summary>r is read by the next segment and by the one behind that.</summary>
    private const string Residual =
        $$"""
        opset 17
        graph g(x: float[2, 4]) -> (y: float) {
        {{Weights}}
          a = MatMul(x, w)
          r = Tanh(a)
          b = MatMul(r, v)
          s = Add(b, r)
          y = MatMul(s, w)
        }
        """;

    /// <summary>r and b are outputs, and read on.</summary>
    private const string Outputs =
        $$"""
        opset 17
        graph g(x: float[2, 4]) -> (y: float, r: float, b: float) {
        {{Weights}}
          a = MatMul(x, w)
          r = Tanh(a)
          b = MatMul(r, v)
          s = Relu(b)
          y = MatMul(s, w)
        }
        """;

    /// <summary>Which branch is taken depends on r. Both capture b, and one of them r.</summary>
    private const string Branches =
        $$"""
        opset 17
        graph g(x: float[2, 4]) -> (y: float) {
        {{Weights}}
          a = MatMul(x, w)
          r = Tanh(a)
          b = MatMul(r, v)
          mean = ReduceMean(r) {keepdims = 0}
          positive = Greater(mean, zero)
          s = If(positive) {
            then_branch = graph then() -> (t: float) {
              t = Sub(r, b)
            },
            else_branch = graph else() -> (e: float) {
              e = MatMul(b, v)
            }
          }
          y = Add(s, x)
        }
        """;

    private static readonly Dictionary<string, string> Graphs = new() { [nameof(Residual)] = Residual, [nameof(Outputs)] = Outputs, [nameof(Branches)] = Branches };

    private static readonly string[] Names = [.. Graphs.Keys];

    /// <summary>From one segment to as many as there are nodes.</summary>
    private static readonly string[][] Ends = [[], ["r"], ["a", "b"], ["a", "r", "b", "s", "y"]];

    private static readonly int?[] GroupSizes = [null, 1, 3];

    [Test]
    public void Run_AnySegments_GivesWhatTheWholeModelGives([ValueSource(nameof(Names))] string graph, [ValueSource(nameof(Ends))] string[] ends, [Values(1f, -1f)] float sign)
    {
        var model = GraphText.Parse(Graphs[graph]);
        using var segments = Segments(model, ends);

        var known = segments.Run(Inputs(sign));

        Verify(model.Graph.Outputs.Select(output => known[output.Name]), Whole(model, Inputs(sign)));
    }

    /// <summary>Every value between segments, negated: that turns the condition of the If over.</summary>
    [Test]
    public void Rerun_ChangedValue_GivesWhatTheWholeModelGivesWithIt([ValueSource(nameof(Names))] string graph, [Values("a", "r", "b", "s")] string changed, [Values(1f, -1f)] float sign, [ValueSource(nameof(GroupSizes))] int? groupSize)
    {
        var model = GraphText.Parse(Graphs[graph]);
        using var segments = Segments(model, ["a", "r", "b", "s"], groupSize);
        var inputs = Inputs(sign);
        var known = segments.Run(inputs);
        var tensor = Negated(known[changed]);

        var outputs = Rerun(segments, inputs, known, changed, tensor);

        Verify(outputs, WholeWith(model, inputs, changed, tensor));
    }

    [Test]
    public void Rerun_ChangedOutput_HandsOutTheChangeItself([ValueSource(nameof(GroupSizes))] int? groupSize)
    {
        using var segments = Segments(GraphText.Parse(Outputs), ["r", "b"], groupSize);
        var known = segments.Run(Inputs(1));
        var changed = Negated(known["r"]);

        var outputs = Rerun(segments, Inputs(1), known, "r", changed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(outputs[1], Is.SameAs(changed));
            Assert.That(outputs[2].ToFloats(), Is.Not.EqualTo(known["b"].ToFloats()));
        }
    }

    /// <summary>Only the change is different afterwards: many units are tried on one run, side by side.</summary>
    [Test]
    public void Rerun_ManyAtATime_LeavesWhatIsKnownAlone([ValueSource(nameof(GroupSizes))] int? groupSize)
    {
        using var segments = Segments(GraphText.Parse(Residual), ["a", "r", "b", "s"], groupSize);
        var known = segments.Run(Inputs(1));
        var before = known.ToDictionary();
        string[] changes = [.. Enumerable.Repeat(new[] { "a", "r", "b", "s" }, 8).SelectMany(names => names)];

        var outputs = new float[changes.Length][];
        Parallel.For(0, changes.Length, index => outputs[index] = Rerun(segments, Inputs(1), known, changes[index], Negated(before[changes[index]]))[0].ToFloats());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(known, Is.EquivalentTo(before));
            Assert.That(outputs, Is.EqualTo(Enumerable.Repeat(outputs[..4], 8).SelectMany(four => four)));
        }
    }

    /// <summary>Nothing more: what lies inside of a segment is in nobody's way.</summary>
    [Test]
    public void Run_Knows_InputsOutputsAndWhatLiesBetweenSegments()
    {
        using var segments = Segments(GraphText.Parse(Residual), ["r", "s"]);

        Assert.That(segments.Run(Inputs(1)).Keys, Is.EquivalentTo(["x", "r", "s", "y"]));
    }

    /// <summary>The right branch is known to be something that it never makes: if it ran again, that would be gone.</summary>
    [Test]
    public void Rerun_SegmentsBesideAndBeforeTheChange_DoNotRun()
    {
        var model = GraphText.Parse(
            $$"""
            opset 17
            graph g(x: float[2, 4]) -> (y: float, other: float) {
            {{Weights}}
              before = MatMul(x, w)
              left = MatMul(before, w)
              right = MatMul(before, v)
              other = Tanh(right)
              y = Sub(left, right)
            }
            """);
        using var segments = Segments(model, ["before", "left", "right", "other"]);
        var known = segments.Run(Inputs(1)).ToDictionary();
        known["before"] = known["right"] = Ones(100);

        var outputs = Rerun(segments, Inputs(1), known, "left", Ones(1));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(outputs[0].ToFloats(), Is.All.EqualTo(-99f));
            Assert.That(outputs[1], Is.SameAs(known["other"]));
        }
    }

    /// <summary>No node makes them.</summary>
    [Test]
    public void Run_OutputsThatAreConstantOrAnInput_AreKnown()
    {
        var model = GraphText.Parse(
            """
            opset 17
            graph g(x: float[2, 4]) -> (k: float[1], x, y: float) {
              k: float[1] = [3]
              a = Tanh(x)
              y = Mul(a, k)
            }
            """);
        using var segments = Segments(model, ["a"]);
        var known = segments.Run(Inputs(1));

        var outputs = Rerun(segments, Inputs(1), known, "a", Ones(2));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(outputs[0].ToFloats(), Is.EqualTo([3f]));
            Assert.That(outputs[1].ToFloats(), Is.EqualTo(Inputs(1)["x"].ToFloats()));
            Assert.That(outputs[2].ToFloats(), Is.All.EqualTo(6f));
        }
    }

    /// <summary>Copies, but for tensors that were there before.</summary>
    private static TensorData[] Rerun(SegmentedModel segments, SampleInputs inputs, IReadOnlyDictionary<string, TensorData> known, string changedName, TensorData changed)
    {
        var outputs = Array.Empty<TensorData>();
        segments.Rerun(inputs, known, changedName, changed, read => outputs =
            [.. read.Select(tensor => tensor == changed || known.Values.Contains(tensor) ? tensor : new(tensor.Type, tensor.Dimensions, tensor.Bytes.ToArray()))]);
        return outputs;
    }

    private static SegmentedModel Segments(Model model, IEnumerable<string> ends, int? groupSize = null) =>
        new(model, ends.Select(name => model.Graph.Find(name)!.Producer!).ToHashSet(), groupSize);

    private static SampleInputs Inputs(float sign) => new(ImmutableDictionary<string, TensorData>.Empty.Add(
        "x", TensorData.Create<float>([2, 4], [sign * 0.3f, sign * 0.9f, sign * -0.2f, sign * 0.6f, sign * 0.8f, sign * -0.1f, sign * 0.5f, sign * 0.4f])));

    private static TensorData Ones(float factor) => TensorData.Create<float>([2, 4], [.. Enumerable.Repeat(factor, 8)]);

    private static TensorData Negated(TensorData tensor) => TensorData.Create<float>(tensor.Dimensions, Array.ConvertAll(tensor.ToFloats(), element => -element));

    private static TensorData[] Whole(Model model, SampleInputs inputs)
    {
        using var session = InferenceModel.Load(model, Optimization.Float);
        return session.Run(inputs, [.. model.Graph.Outputs.Select(output => output.Name)]);
    }

    /// <summary>The whole model where all that read the value read an input instead.</summary>
    private static TensorData[] WholeWith(Model model, SampleInputs inputs, string changed, TensorData tensor)
    {
        var whole = model.Clone();
        var given = whole.Graph.AddInput("given");
        given.Declare(tensor.Type, [.. tensor.Dimensions]);
        whole.Graph.Find(changed)!.ReplaceAllUsesWith(given);
        var outputs = Whole(whole, inputs.Tensors.Add("given", tensor));
        Assert.That(outputs[0].ToFloats(), Is.Not.EqualTo(Whole(model, inputs)[0].ToFloats()).Within(0.01f), "the change must come to the first output");
        return outputs;
    }

    private static void Verify(IEnumerable<TensorData> actual, IReadOnlyList<TensorData> expected)
    {
        var tensors = actual.ToArray();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tensors.Select(tensor => tensor.Dimensions), Is.EqualTo(expected.Select(tensor => tensor.Dimensions)));
            foreach (var (tensor, reference) in tensors.Zip(expected))
            {
                Assert.That(tensor.ToFloats(), Is.EqualTo(reference.ToFloats()).Within(Precision));
            }
        }
    }
}
