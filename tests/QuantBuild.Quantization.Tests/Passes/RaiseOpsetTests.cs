using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Passes.Opsets;

namespace QuantBuild.Quantization.Tests.Passes;

/// <summary>A raised model computes in ONNX Runtime what it computed before.</summary>
internal sealed class RaiseOpsetTests
{
    private const double Tolerance = 2e-5;
    private static readonly ImmutableDictionary<string, TensorData> Input =
        ImmutableDictionary<string, TensorData>.Empty.Add("x", new TinyModels().Random(RaiseCase.Shape));

    private static IEnumerable<TestCaseData> Cases =>
        RaiseCases.All.SelectMany(@case => new[] { 13L, 21 }.Where(target => target > @case.Opset).Select(target => new TestCaseData(@case, target).SetArgDisplayNames($"{@case}", $"{target}")));

    [TestCaseSource(nameof(Cases))]
    public void Run_OperatorOfAnOlderOpset_GivesTheSame(RaiseCase @case, long target)
    {
        var model = @case.Model();
        var before = TinyModels.Run(OnnxFile.ToBytes(model), Input);

        new RaiseOpset(target).Run(model);
        GraphVerifier.Verify(model, "Raised");
        var after = TinyModels.Run(OnnxFile.ToBytes(model), Input);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Opset, Is.EqualTo(target));
            Assert.That(after.Dimensions, Is.EqualTo(before.Dimensions));
            Assert.That(after.ToFloats(), Is.EqualTo(before.ToFloats()).Within(Tolerance));
        }
    }

    /// <summary>The Scan has a body, and tests of its own.</summary>
    [Test]
    public void Adapters_AllRows_HaveACaseBelowThem() =>
        Assert.That(
            OpsetAdapters.All.SelectMany(row => row)
                .Where(row => row.OpType != "Scan" && !RaiseCases.All.Any(@case => @case.OpType == row.OpType && @case.Opset < row.ChangedIn))
                .Select(row => $"{row.OpType} {row.ChangedIn}"),
            Is.Empty);

    /// <summary>The mask keeps its type: the input's up to opset 9, then boolean.</summary>
    [TestCase(9, "float[2, 3]")]
    [TestCase(11, "bool[2, 3]")]
    public void Run_DropoutWhoseMaskIsAnOutput_GivesTheSame(int opset, string type) => PassCheck.Verify(
        new RaiseOpset(),
        $$"""
        opset {{opset}}
        graph g(x: float[2, 3]) -> (y: float[2, 3], mask: {{type}}) {
          kept, mask = Dropout(x) {ratio = 0.25}
          y = Neg(kept)
        }
        """,
        $$"""
        opset 13
        graph g(x: float[2, 3]) -> (y: float[2, 3], mask: {{type}}) {
          kept_shape = Shape(x)
          mask = ConstantOfShape(kept_shape) {value = {{type[..^6]}}[1] [0]}
          y = Neg(x)
        }
        """);

    [Test]
    public void Obstacle_OperatorThatIsGoneLater_SaysWhatONNXRuntimeSays()
    {
        var model = TinyModels.Build(9, [2, 4, 5, 6], (graph, x) => graph.AddNode("ATen", [x], "y").Output);

        Assert.That(RaiseOpset.Obstacle(model, RaiseOpset.Sufficient), Does.Contain("ATen"));
    }

    [TestCase(13)]
    [TestCase(20)]
    public void Run_NewerModel_IsLeftAlone(int opset)
    {
        var model = TinyModels.Build(opset, [2, 4, 5, 6], (graph, x) => graph.AddNode("Softmax", [x], "y").Set("axis", 1L).Output);

        new RaiseOpset().Run(model);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Opset, Is.EqualTo(opset));
            Assert.That(model.Graph.Nodes[0].Int("axis", 0), Is.EqualTo(1));
        }
    }

    [Test]
    public void Run_SoftmaxOverSeveralAxes_KeepsTheRankKnown()
    {
        var model = TinyModels.Build(12, [null, 4, null, 6], (graph, x) => graph.AddNode("Relu", [graph.AddNode("Softmax", [x], "s").Set("axis", 1L).Output], "y").Output);

        new RaiseOpset().Run(model);

        using var session = InferenceModel.Load(OnnxFile.ToBytes(model), Optimization.None);
        Assert.That(session.Outputs.Single().Dimensions, Is.EqualTo(new long?[] { null, 4, null, 6 }));
    }

    /// <summary>A Clip and a Softmax in the branches of an If, one in another: x * 2 clipped, or the softmax over all but the batch.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void Run_OperatorsInBranches_GiveTheSame(bool condition)
    {
        var model = OnnxFile.FromBytes(Convert.FromBase64String(Branches));
        var inputs = Input.Add("c", TensorData.Scalar(condition));
        var before = TinyModels.Run(OnnxFile.ToBytes(model), inputs);

        new RaiseOpset(21).Run(model);
        var after = TinyModels.Run(OnnxFile.ToBytes(model), inputs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Opset, Is.EqualTo(21));
            Assert.That(after.ToFloats(), Is.EqualTo(before.ToFloats()).Within(Tolerance));
        }
    }

    private const string Branches =
        "CAQ6kgIK3wEKAWMSAXkiAklmKjgKC2Vsc2VfYnJhbmNoMiYKHAoBeBIBcyIHU29mdG1heCoLCgRheGlzGAGgAQISAWJiAwoBc6ABBSqYAQoLdGhlbl9icmFuY2gyhQEKewoBYxIBcSIC" +
        "SWYqJwoLZWxzZV9icmFuY2gyFQoLCgF4EgFlIgNOZWcSAWRiAwoBZaABBSpGCgt0aGVuX2JyYW5jaDI0CioKAXgSAXQiBENsaXAqDQoDbWF4FQAAgD6gAQEqDQoDbWluFQAAAL+gAQES" +
        "AWFiAwoBdKABBRIBbmIDCgFxoAEFEgFnWhMKAXgSDgoMCAESCAoACgAKAAoAWgsKAWMSBgoECAkSAGIJCgF5EgQKAggBQgQKABAJ";
}
