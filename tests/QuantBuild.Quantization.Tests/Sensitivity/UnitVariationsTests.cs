using System.Collections.Immutable;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Rewriting;
using QuantBuild.Quantization.Sensitivity;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Sensitivity;

/// <summary>All but one: the quantized model as it is deployed, with the float operator in one place.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class UnitVariationsTests
{
    /// <summary>Kernels on integers may round an element that lies in the middle of two steps to the other one.</summary>
    private const float Precision = 2e-2f;

    private static readonly TensorRange Range = new(-4.5f, 5);
    private static readonly ModelFormat[] Formats = [ModelFormat.Qdq, ModelFormat.QOperator, ModelFormat.Dynamic, ModelFormat.WeightOnly, ModelFormat.Auto];

    private readonly TinyModels _tiny = new();

    [TestCaseSource(nameof(Formats))]
    public void OneFloat_Base_IsTheDeployedModel(ModelFormat format)
    {
        var (model, samples) = (Branches(), Samples(5));
        var plan = Plan(model, samples, format);
        using var deployed = InferenceModel.Load(ModelRewriter.Rewrite(model, plan), Optimization.Full);

        var (bases, _) = Run(model, plan, samples);

        foreach (var (position, sample) in samples.Samples.Index())
        {
            Verify(bases[position], deployed.Run(sample.Read().Inputs, [.. model.Graph.Outputs.Select(output => output.Name)]));
        }
    }

    /// <summary>With what stands before in integers, and with that alone in float.</summary>
    [Test]
    public void OneFloat_Varied_IsTheModelWithThatOneExact()
    {
        var (w, v) = (_tiny.Random(16, 12), _tiny.Random(12, 8));
        var model = TinyModels.Build(17, [8, 16], (graph, x) => graph.AddNode(
            "MatMul", [graph.AddNode("MatMul", [x, graph.AddInitializer("w", w)], "m").Output, graph.AddInitializer("v", v)], "y").Output);
        var (samples, first, second) = (Samples(3), FloatMatrix.Of(w, 16, 12), FloatMatrix.Of(v, 12, 8));

        var (_, varied) = Run(model, Plan(model, samples, ModelFormat.Qdq), samples);

        foreach (var (position, sample) in samples.Samples.Index())
        {
            var x = FloatMatrix.Of(sample.Read().Inputs["x"], 8, 16);
            var firstExact = Round(x.Times(first)).Times(second.RoundedWeights(byRows: false));
            var secondExact = Round(Round(x).Times(first.RoundedWeights(byRows: false))).Times(second);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(NoiseOf(varied[("m", position)][0], firstExact), Is.LessThan(1e-4), "of the signal; all rounding makes 1e-3");
                Assert.That(NoiseOf(varied[("y", position)][0], secondExact), Is.LessThan(1e-4));
            }
        }
    }

    private static double NoiseOf(TensorData actual, FloatMatrix expected) =>
        FloatMatrix.Of(actual, 8, 8).EnergyOfDifference(expected) / expected.EnergyOfDifference(null);

    private static FloatMatrix Round(FloatMatrix matrix) => matrix.RoundedToBytes(Range.Min, Range.Max);

    private static (TensorData[][] Bases, Dictionary<(string Unit, int Sample), TensorData[]> Varied) Run(Model model, QuantizationPlan plan, SampleRun samples)
    {
        using var variations = UnitVariations.OneFloat(model, plan);
        var (bases, varied) = (new TensorData[samples.Count][], new Dictionary<(string, int), TensorData[]>());
        variations.ForEach(samples, "", (sample, outputs) => bases[sample] = outputs, variation =>
        {
            lock (varied)
            {
                varied[(variations.Units[variation.Unit].Output.Name, variation.Sample)] = [.. variation.Outputs!.Select(output => new TensorData(output.Type, output.Dimensions, output.Bytes.ToArray()))];
            }
        });
        return (bases, varied);
    }

    private static void Verify(TensorData[] actual, TensorData[] expected)
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (var (tensor, reference) in actual.Zip(expected, (tensor, reference) => (tensor.ToFloats(), reference.ToFloats())))
            {
                Assert.That(tensor, Is.EqualTo(reference).Within(Precision));
            }
        }
    }

    /// <summary>A value that two products and a sum read, and that is an output besides.</summary>
    private Model Branches()
    {
        var (w, left, right) = (_tiny.Random(16, 16), _tiny.Random(16, 16), _tiny.Random(16, 16));
        return TinyModels.Build(17, [8, 16], (graph, x) =>
        {
            var m = graph.AddNode("MatMul", [x, graph.AddInitializer("w", w)], "m").Output;
            var a = graph.AddNode("MatMul", [m, graph.AddInitializer("left", left)], "a").Output;
            var b = graph.AddNode("MatMul", [graph.AddNode("Tanh", [a], "t").Output, graph.AddInitializer("right", right)], "b").Output;
            var z = graph.AddNode("Add", [b, m], "z").Output;
            z.Declare(ElementType.Float, default);
            var y = graph.AddNode("Add", [z, a], "y").Output;
            graph.AddOutput(z);
            return y;
        });
    }

    private SampleRun Samples(int count) => new(
        [.. Enumerable.Range(0, count).Select(_ => _tiny.Random(8, 16)).Select(input => new SampleHandle("one", null, () => new("one", ImmutableDictionary<string, TensorData>.Empty.Add("x", input), null)))],
        2, null, CancellationToken.None);

    private static QuantizationPlan Plan(Model model, SampleRun samples, ModelFormat format)
    {
        var form = ModelForm.Of(new() { Format = format, Target = TargetName.Vnni });
        var placement = Placement.OfAll(model, new(ModelProfile.Of(model, samples.Samples.Select(handle => handle.Read())), form));
        return QuantizationPlanner.Plan(placement, form, model.Graph.Values.ToImmutableDictionary(value => value.Name, _ => new Observation(Range, 0)));
    }
}
