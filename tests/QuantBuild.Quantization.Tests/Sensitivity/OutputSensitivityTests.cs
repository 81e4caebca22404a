using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.ControlFlow;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Sensitivity;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Sensitivity;

/// <summary>The noise at the outputs is what plain loops find that round the operands of one unit and compute all the rest in float.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class OutputSensitivityTests
{
    /// <summary>In percent: an element may lie so near to the middle of two steps that it is rounded to the other one.</summary>
    private const double Precision = 0.5;

    /// <summary>What is expected of every activation; some values are cut off.</summary>
    private static readonly TensorRange Range = new(-4.5f, 5);

    private readonly TinyModels _tiny = new();

    [Test]
    public void Measure_StaticProducts_IsTheNoiseOfEachAlone()
    {
        var (model, w, v) = TwoProducts();
        var samples = Samples([8, 16]);

        var shares = Measure(model, samples, ModelFormat.Qdq);

        FloatMatrix[] Exact(FloatMatrix x) => [x.Times(w).Map(MathF.Tanh), x.Times(w).Times(v)];
        var first = Shares(samples, (8, 16), Exact, x =>
        {
            var m = Round(Round(x).Times(w.RoundedWeights(byRows: false)));
            return [m.Map(MathF.Tanh), m.Times(v)];
        });
        var second = Shares(samples, (8, 16), Exact, x => [Exact(x)[0], Round(x.Times(w)).Times(v.RoundedWeights(byRows: false))]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(shares.Keys, Is.EquivalentTo([("m", UnitForm.Static), ("y", UnitForm.Static)]));
            Assert.That(shares[("m", UnitForm.Static)], Is.EqualTo(first).Within(Precision).Percent);
            Assert.That(shares[("y", UnitForm.Static)], Is.EqualTo(second).Within(Precision).Percent);
            Assert.That(shares[("y", UnitForm.Static)][0], Is.Zero, "it is behind that output");
        }
    }

    [Test]
    public void Measure_DynamicProducts_AreRoundedOverTheirOwnRange()
    {
        var (model, w, v) = TwoProducts();
        var samples = Samples([8, 16]);

        var shares = Measure(model, samples, ModelFormat.Dynamic);

        FloatMatrix[] Exact(FloatMatrix x) => [x.Times(w).Map(MathF.Tanh), x.Times(w).Times(v)];
        var first = Shares(samples, (8, 16), Exact, x =>
        {
            var m = x.RoundedToBytes().Times(w.RoundedWeights(byRows: false));
            return [m.Map(MathF.Tanh), m.Times(v)];
        });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(shares.Keys, Is.EquivalentTo([("m", UnitForm.Dynamic), ("y", UnitForm.Dynamic)]));
            Assert.That(shares[("m", UnitForm.Dynamic)], Is.EqualTo(first).Within(Precision).Percent);
        }
    }

    /// <summary>A pointwise convolution is a product with a matrix of an image's columns; its Relu is part of it.</summary>
    [Test]
    public void Measure_ConvolutionWithRelu_IsRoundedBehindTheRelu()
    {
        var weights = _tiny.Random(12, 16, 1, 1);
        var model = TinyModels.Build(17, [1, 16, 1, 8], (graph, x) =>
        {
            var c = graph.AddNode("Conv", [x, graph.AddInitializer("w", weights)], "c").Output;
            return graph.AddNode("Sin", [graph.AddNode("Relu", [c], "r").Output], "y").Output;
        });
        var samples = Samples([1, 16, 1, 8]);

        var shares = Measure(model, samples, ModelFormat.Qdq);

        var w = FloatMatrix.Of(weights, 12, 16);
        FloatMatrix Active(FloatMatrix c) => c.Map(element => Math.Max(element, 0));
        var expected = Shares(
            samples, (16, 8), x => [Active(w.Times(x)).Map(MathF.Sin)],
            x => [Active(w.RoundedWeights(byRows: true).Times(Round(x))).RoundedToBytes(0, Range.Max).Map(MathF.Sin)]);
        Assert.That(shares[("c", UnitForm.Static)], Is.EqualTo(expected).Within(Precision).Percent);
    }

    /// <summary>What a second plan has besides is measured as if it were the only one; what both have is so once.</summary>
    [Test]
    public void Measure_ManyPlans_HasTheUnitsOfAll()
    {
        var (model, _, _) = TwoProducts();
        var samples = Samples([8, 16]);

        var both = Measure(model, samples, ModelFormat.Qdq, ModelFormat.Dynamic, ModelFormat.Qdq);

        var (fixedRanges, ownRanges) = (Measure(model, samples, ModelFormat.Qdq), Measure(model, samples, ModelFormat.Dynamic));
        Assert.That(both, Is.EquivalentTo(fixedRanges.Concat(ownRanges)));
    }

    /// <summary>In the body of an If nothing can be changed from without.</summary>
    [Test]
    public void Measure_UnitInABody_IsLeftOut()
    {
        var model = GraphText.Parse(
            """
            opset 17
            graph g(x: float[2, 2]) -> (y: float) {
              w: float[2, 2] = [1, 2, 3, -4]
              zero: float[] = [0]
              before = MatMul(x, w)
              mean = ReduceMean(x) {keepdims = 0}
              positive = Greater(mean, zero)
              y = If(positive) {
                then_branch = graph then() -> (t: float) {
                  t = MatMul(before, w)
                },
                else_branch = graph else() -> (e: float) {
                  e = MatMul(before, w)
                }
              }
            }
            """);
        var samples = Samples([2, 2]);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Plan(model, samples, ModelFormat.Dynamic).Units.Select(unit => unit.Output.Name), Is.EquivalentTo(["before", "t", "e"]));
            Assert.That(Measure(model, samples, ModelFormat.Dynamic).Keys, Is.EqualTo([("before", UnitForm.Dynamic)]));
        }
    }

    /// <summary>Shapes are no signal.</summary>
    [Test]
    public void Measure_OutputThatIsNoFloat_SuffersNothing()
    {
        var weights = _tiny.Random(16, 12);
        var model = TinyModels.Build(17, [8, 16], (graph, x) =>
        {
            var m = graph.AddNode("MatMul", [x, graph.AddInitializer("w", weights)], "m");
            AddOutput(graph, m);
            return graph.AddNode("Shape", [m.Output], "y").Output;
        });
        model.Graph.Outputs[1].Declare(ElementType.Int64, default);

        var shares = Measure(model, Samples([8, 16]), ModelFormat.Qdq)[("m", UnitForm.Static)];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(shares[0], Is.Positive);
            Assert.That(shares[1], Is.Zero);
        }
    }

    /// <summary>What is compared of an output, whatever its type, is what suffers.</summary>
    [TestCase("ArgMax", "axis", 1, ElementType.Int64)]
    [TestCase("Cast", "to", (long)ElementType.Float16, ElementType.Float16)]
    public void Measure_OutputThatSaysLess_WhatItIsMadeOfSuffers(string opType, string attribute, long value, ElementType type)
    {
        var weights = _tiny.Random(16, 12);
        var model = TinyModels.Build(17, [8, 16], (graph, x) =>
            graph.AddNode(opType, [graph.AddNode("MatMul", [x, graph.AddInitializer("w", weights)], "m").Output], "y").Set(attribute, value).Output);
        model.Graph.Outputs[0].Declare(type, default);

        Assert.That(Measure(model, Samples([8, 16]), ModelFormat.Qdq)[("m", UnitForm.Static)], Has.Length.EqualTo(1).And.All.Positive);
    }

    /// <summary>Two outputs that are made of the same are compared once, here as where the outputs of whole models are.</summary>
    [Test]
    public void Measure_OutputsOfTheSameScores_SufferOnce()
    {
        var weights = _tiny.Random(16, 12);
        var model = TinyModels.Build(17, [8, 16], (graph, x) =>
        {
            var m = graph.AddNode("MatMul", [x, graph.AddInitializer("w", weights)], "m").Output;
            var largest = graph.AddNode("ArgMax", [m], "largest").Output;
            largest.Declare(ElementType.Int64, default);
            graph.AddOutput(largest);
            return graph.AddNode("Cast", [m], "y").Set("to", (long)ElementType.Float16).Output;
        });
        model.Graph.Outputs[1].Declare(ElementType.Float16, default);

        Assert.That(Measure(model, Samples([8, 16]), ModelFormat.Qdq)[("m", UnitForm.Static)], Has.Length.EqualTo(1).And.All.Positive);
    }

    /// <summary>Two products in a row, with another output between them, and their weights.</summary>
    private (Model Model, FloatMatrix First, FloatMatrix Second) TwoProducts()
    {
        var (first, second) = (_tiny.Random(16, 12), _tiny.Random(12, 8));
        var model = TinyModels.Build(17, [8, 16], (graph, x) =>
        {
            var m = graph.AddNode("MatMul", [x, graph.AddInitializer("w", first)], "m").Output;
            AddOutput(graph, graph.AddNode("Tanh", [m], "z"));
            return graph.AddNode("MatMul", [m, graph.AddInitializer("v", second)], "y").Output;
        });
        return (model, FloatMatrix.Of(first, 16, 12), FloatMatrix.Of(second, 12, 8));
    }

    private static FloatMatrix Round(FloatMatrix matrix) => matrix.RoundedToBytes(Range.Min, Range.Max);

    private static void AddOutput(Graph graph, Node node)
    {
        node.Output.Declare(ElementType.Float, default);
        graph.AddOutput(node.Output);
    }

    /// <summary>Of different magnitudes: noise and signal are added up before one is divided by the other.</summary>
    private SampleRun Samples(ImmutableArray<long> shape)
    {
        TensorData[] inputs = [.. Enumerable.Range(1, 3).Select(divisor => TensorData.Create<float>(shape, Array.ConvertAll(_tiny.Random(shape).ToFloats(), element => element / divisor)))];
        return new(
            [.. inputs.Select(input => new SampleHandle("one", null, () => new("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", input), null)))], 2, null, CancellationToken.None);
    }

    private static Dictionary<(string Name, UnitForm Form), ImmutableArray<double>> Measure(Model model, SampleRun samples, params ModelFormat[] formats) =>
        OutputSensitivity.Measure(model, [.. formats.Select(format => Plan(model, samples, format))], samples)
            .ToDictionary(entry => (entry.Key.Node.Output.Name, entry.Key.Form), entry => entry.Value);

    private static QuantizationPlan Plan(Model model, SampleRun samples, ModelFormat format)
    {
        // The weights may use all 8 bits there
        var form = ModelForm.Of(new() { Format = format, Target = TargetName.Vnni });
        var placement = Placement.OfAll(model, new(ModelProfile.Of(model, samples.Samples.Select(handle => handle.Read())), form));
        return QuantizationPlanner.Plan(
            placement, form, Bodies.Scopes(model.Graph).SelectMany(graph => graph.Values).ToImmutableDictionary(value => value.Name, _ => new Observation(Range, 0)));
    }

    /// <summary>By hand, of each output: the energy of what rounding changes, as a share of that of what is exact.</summary>
    private static double[] Shares(SampleRun samples, (int Rows, int Columns) input, Func<FloatMatrix, FloatMatrix[]> exact, Func<FloatMatrix, FloatMatrix[]> rounded)
    {
        FloatMatrix[] inputs = [.. samples.Samples.Select(sample => FloatMatrix.Of(sample.Read().Inputs["x"], input.Rows, input.Columns))];
        return
        [
            .. Enumerable.Range(0, exact(inputs[0]).Length).Select(output =>
                inputs.Sum(x => rounded(x)[output].EnergyOfDifference(exact(x)[output])) / inputs.Sum(x => exact(x)[output].EnergyOfDifference(null))),
        ];
    }
}
