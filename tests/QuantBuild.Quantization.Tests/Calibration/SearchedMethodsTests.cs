using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Methods;
using QuantBuild.Quantization.Calibration.Search;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning;
using QuantBuild.Quantization.Settings;
using static QuantBuild.Quantization.Settings.CalibrationMethodName;

namespace QuantBuild.Quantization.Tests.Calibration;

/// <summary>Two layers, of which the first has weights that the outlier of its input does or does not pass.</summary>
internal sealed class SearchedMethodsTests
{
    private const int Length = 64;
    private const float Outlier = 300;

    /// <summary>Of as many elements as Auto wants to see at least.</summary>
    private const int Samples = 16;

    /// <summary>The outlier's weights are large: to clip it would be the greatest error of all.</summary>
    [Test]
    public void OutlierThatMatters_IsKept([Values(Auto, Uniform)] CalibrationMethodName method) =>
        Assert.That(Chosen(method, weightOfOutlier: 1)["x"].Range.Max, Is.EqualTo(Outlier).Within(1).Percent);

    /// <summary>Its weights are 0: a range without it makes all the others finer.</summary>
    [Test]
    public void OutlierThatDoesNotMatter_IsClipped([Values(Auto, Uniform, Global)] CalibrationMethodName method)
    {
        var observed = Chosen(method, weightOfOutlier: 0)["x"];

        using (Assert.EnterMultipleScope())
        {
            Assert.That(observed.Range.Max, Is.LessThan(Outlier / 4));
            Assert.That(observed.Method, Is.Not.EqualTo(MinMax));
        }
    }

    /// <summary>What is not known of 960 elements is what the next ones are like.</summary>
    [Test]
    public void Auto_OfFewElements_ClipsNothing() => Assert.That(
        CalibrationMethods.All[Auto].Choose(Context(weightOfOutlier: 0, 2, samples: Samples - 1))["x"], Has.Property("Method").EqualTo(MinMax));

    /// <summary>The hidden tensor has no outliers, and takes the method of the input all the same.</summary>
    [TestCase(0, Percentile)]
    [TestCase(1, MinMax)]
    public void Uniform_IsOneMethodForAllTensors(float weightOfOutlier, CalibrationMethodName expected) =>
        Assert.That(Chosen(Uniform, weightOfOutlier).Values.Select(observed => observed.Method).Distinct(), Is.EqualTo([expected]));

    /// <summary>The place of the largest element hardly ever changes, and what is in front of it does.</summary>
    [TestCase("ArgMax", "axis", 1)]
    [TestCase("Cast", "to", (long)ElementType.Float16)]
    public void Uniform_BehindWhatSaysLess_GoesByTheScores(string opType, string attribute, long value)
    {
        var context = Context(weightOfOutlier: 0, 2, (graph, scores) => graph.AddNode(opType, [scores], "less").Set(attribute, value).Output);

        Assert.That(CalibrationMethods.All[Uniform].Choose(context)["x"].Method, Is.EqualTo(Percentile));
    }

    [Test]
    public void Chosen_Twice_IsTheSame([Values(Auto, Uniform, Global)] CalibrationMethodName method) =>
        Assert.That(Chosen(method, 0.1f, threads: 3), Is.EquivalentTo(Chosen(method, 0.1f, threads: 1)));

    /// <summary>The error at the outputs is what Global makes smaller.</summary>
    [Test]
    public void Global_AtTheOutputs_IsNoWorseThanAuto([Values(0f, 0.05f, 1f)] float weight)
    {
        var context = Context(weight, 2);
        var candidates = new CandidateRanges(context);
        using var model = new SimulatedModel(context, candidates.ParametersOf(new int[candidates.Groups.Length]), context.Measured.Run);
        double Error(CalibrationMethodName method) =>
            model.Error(QuantizationPlanner.Plan(context.Placement, context.Form, CalibrationMethods.All[method].Choose(context)).Activations);

        Assert.That(Error(Global), Is.LessThanOrEqualTo(Error(Auto)).And.GreaterThan(0));
    }

    [Test]
    public void Errors_OfTheMeter_AreThoseOfTheReader()
    {
        var context = Context(1, 1);
        var candidates = new CandidateRanges(context);
        var group = candidates.Groups.Index().Single(entry => entry.Item.Contains("x")).Index;

        var measured = AutoMethod.Errors(context, candidates)[group];

        foreach (var method in candidates.DistinctMethods(group))
        {
            Assert.That(measured[method], Is.EqualTo(Reference(context, candidates.Parameters(method, "x"))).Within(1).Percent, CalibrationMethods.OfOneTensor[method].Name.ToString());
        }
    }

    [Test]
    public void Choose_NothingToQuantize_IsEmpty([Values(Auto, Uniform, Global)] CalibrationMethodName method)
    {
        var model = TinyModels.Build(17, [1, Length], (graph, x) => graph.AddNode("Softmax", [x], "y").Output);

        Assert.That(CalibrationMethods.All[method].Choose(ContextOf(model, 1)), Is.Empty);
    }

    private static double Reference(RangeContext context, QuantizationParameters parameters)
    {
        var (noise, signal) = (0.0, 0.0);
        var weights = context.Model.Graph.Find("w")!.Constant!.ToFloats();
        foreach (var sample in context.Measured.Run.Samples.Select(handle => handle.Read().Inputs["x"].ToFloats()))
        {
            for (var column = 0; column < Length; column++)
            {
                var (exact, rounded) = (0.0, 0.0);
                for (var row = 0; row < Length; row++)
                {
                    exact += sample[row] * weights[(row * Length) + column];
                    rounded += weights[(row * Length) + column] * AffineQuantization.Dequantize(
                        AffineQuantization.Quantize(sample[row], parameters.Scale, parameters.ZeroPoint, parameters.Type), parameters.Scale, parameters.ZeroPoint);
                }

                noise += Math.Pow(exact - rounded, 2);
                signal += exact * exact;
            }
        }

        return noise / signal;
    }

    private static ImmutableDictionary<string, Observation> Chosen(CalibrationMethodName method, float weightOfOutlier, int threads = 2) =>
        CalibrationMethods.All[method].Choose(Context(weightOfOutlier, threads));

    private static RangeContext Context(float weightOfOutlier, int threads, Func<Graph, Value, Value>? behind = null, int samples = Samples)
    {
        var random = new TinyModels();
        var weights = random.Random(Length, Length).ToFloats();
        for (var column = 0; column < Length; column++)
        {
            weights[column] *= weightOfOutlier;
        }

        var model = TinyModels.Build(17, [1, Length], (graph, x) =>
        {
            var hidden = graph.AddNode("MatMul", [x, graph.AddInitializer("w", TensorData.Create<float>([Length, Length], weights))], "hidden").Output;
            return graph.AddNode("MatMul", [hidden, graph.AddInitializer("v", random.Random(Length, 8))], "y").Output;
        });
        if (behind is not null)
        {
            model.Graph.SetOutputs([behind(model.Graph, model.Graph.Outputs[0])]);
        }

        return ContextOf(model, threads, samples);
    }

    /// <summary>Calibration saw so many samples that all of these are measured on.</summary>
    private static RangeContext ContextOf(Model model, int threads, int count = Samples)
    {
        var samples = Enumerable.Range(0, count).Select(index => SampleOf(index)).ToImmutableArray();
        var profile = ModelProfile.Of(model, samples[0].Read());
        var form = ModelForm.Of(new() { Format = ModelFormat.Qdq });
        var placement = Placement.OfAll(model, new(profile, form));
        var run = new SampleRun(samples, threads, null, CancellationToken.None);
        var statistics = Calibrator.Gather(
            model, profile, [.. QuantizationPlanner.QuantizedValues(placement).Select(value => value.Name)], StatisticsKinds.All, run);
        return new(model, form, placement, statistics, new(95), new(run, run, 3 * samples.Length));
    }

    /// <summary>The outlier is the first element of every sample: 1.6 % of all, of which the percentile cuts 2.5 % off.</summary>
    private static SampleHandle SampleOf(int index)
    {
        var elements = Distributions.Normal(Length * 30)[(index * Length)..((index + 1) * Length)];
        elements[0] = Outlier;
        var sample = new Sample($"{index}", ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1, Length], elements)), null);
        return new(sample.Id, null, () => sample);
    }
}
