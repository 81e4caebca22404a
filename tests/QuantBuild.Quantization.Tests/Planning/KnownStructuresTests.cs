using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Planning.Structures;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Planning;

/// <summary>Each structure in a small graph is named, and what only resembles it is not.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class KnownStructuresTests
{
    private const int Width = 16;

    private readonly TinyModels _tiny = new();

    /// <summary>The samples never have the mask, where it is chosen only for inputs above 2: what it may be counts.</summary>
    [TestCase(0f, TestName = "{m}(that samples had)")]
    [TestCase(2f, TestName = "{m}(that no sample had)")]
    public void AttentionMask_IsNamed_AndStaysFloat_ThoughInt8IsAroundIt(float threshold)
    {
        var operators = Operators((graph, x) =>
        {
            var masked = graph.AddNode("Greater", [x, Scalar(graph, "threshold", threshold)], "masked").Output;
            var mask = graph.AddNode("Where", [masked, Scalar(graph, "low", -1e9f), Scalar(graph, "zero", 0f)], "mask").Output;
            var sum = graph.AddNode("Add", [Product(graph, x, "scores"), mask], "sum").Output;
            graph.AddOutput(Declared(Product(graph, mask, "other_reader")));
            graph.AddOutput(Declared(Product(graph, sum, "reader")));
            return graph.AddNode("Softmax", [sum], "y").Output;
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(Structure(operators, "mask"), Is.EqualTo("attention mask"));
            Assert.That(Structure(operators, "sum"), Is.EqualTo("attention mask"));
            Assert.That(operators["sum"].Decision, Is.EqualTo(OperatorDecision.Float));
            Assert.That(operators["sum"].Reason, Does.Contain("attention mask: it masks scores with -1e+9 in front of a Softmax"));
        }
    }

    [TestCase(-100f, null)]
    [TestCase(-110f, "attention mask", TestName = "{m}(e to the power of it is no float)")]
    public void Addend_IsAMask_WhereItMakesAWeightVanish(float addend, string? expected)
    {
        var operators = Operators((graph, x) =>
            graph.AddNode("Softmax", [graph.AddNode("Add", [graph.AddNode("Sin", [Product(graph, x, "a")], "scores").Output, graph.AddInitializer("k", TensorData.Create<float>([2], [0, addend]))], "sum").Output], "y").Output, columns: 2);

        Assert.That(Structure(operators, "sum"), Is.EqualTo(expected));
    }

    /// <summary>What is wide on both sides of 0 are scores.</summary>
    [Test]
    public void WideScores_AreNoMask()
    {
        var operators = Operators((graph, x) =>
            graph.AddNode("Softmax", [graph.AddNode("Add", [graph.AddNode("Sin", [Product(graph, x, "a")], "scores").Output, graph.AddInitializer("k", TensorData.Create<float>([2], [150, -150]))], "sum").Output], "y").Output, columns: 2);

        Assert.That(Structure(operators, "sum"), Is.Null);
    }

    [TestCase("Div", TestName = "{m}(LayerNormalization)")]
    [TestCase("Reciprocal", TestName = "{m}(RMSNormalization by a reciprocal)")]
    public void NormalizationInPieces_IsNamed_WithEveryPiece(string division)
    {
        var operators = Operators((graph, x) =>
        {
            var before = Product(graph, x, "before");
            var centred = division == "Div" ? graph.AddNode("Sub", [before, Mean(graph, before, "mean")], "centred").Output : before;
            var squares = graph.AddNode("Pow", [centred, Scalar(graph, "two", 2f)], "squares").Output;
            var root = graph.AddNode("Sqrt", [graph.AddNode("Add", [Mean(graph, squares, "variance"), Scalar(graph, "epsilon", 1e-5f)], "positive").Output], "root").Output;
            var quotient = division == "Div"
                ? graph.AddNode("Div", [centred, root], "quotient").Output
                : graph.AddNode("Mul", [centred, graph.AddNode("Reciprocal", [root], "reciprocal").Output], "quotient").Output;
            var scaled = graph.AddNode("Mul", [quotient, graph.AddInitializer("gamma", _tiny.Random(Width))], "scaled").Output;
            return Product(graph, graph.AddNode("Add", [scaled, graph.AddInitializer("beta", _tiny.Random(Width))], "shifted").Output, "after");
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(operators.Values.Where(row => row.Structure == "normalization in pieces").Select(row => row.Name), Is.EquivalentTo(division == "Div"
                ? ["mean", "centred", "squares", "variance", "positive", "root", "quotient", "scaled", "shifted"]
                : new[] { "squares", "variance", "positive", "root", "reciprocal", "quotient", "scaled", "shifted" }));
            Assert.That(operators["squares"].Reason, Is.EqualTo(
                "ONNX Runtime has no INT8 kernel of it; normalization in pieces: it is a piece of a normalization, whose squares take the square of its input's range while the small ones decide what everything is divided by"));
            Assert.That(operators["after"].Decision, Is.EqualTo(OperatorDecision.Int8));
        }
    }

    [TestCase(4f, null, OperatorDecision.Int8)]
    [TestCase(40f, "range-mixing join", OperatorDecision.Float)]
    public void JoinOfDifferentRanges_IsNamed_AndStaysFloat(float factor, string? structure, OperatorDecision decision)
    {
        var operators = Operators((graph, x) =>
        {
            var joined = graph.AddNode("Concat", [Product(graph, x, "narrow"), Product(graph, x, "wide", factor)], "joined").Set("axis", 1L).Output;
            return graph.AddNode("MatMul", [joined, graph.AddInitializer("reader_w", _tiny.Random(2 * Width, Width))], "reader").Output;
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That((Structure(operators, "joined"), operators["joined"].Decision), Is.EqualTo((structure, decision)));
            Assert.That(operators["joined"].Reason, structure is null ? Does.Not.Contain("ranges") : Does.StartWith("range-mixing join: it joins tensors whose ranges differ "));
        }
    }

    [TestCase("Sigmoid", "boxes beside scores")]
    [TestCase("Sin", null)]
    public void ProbabilitiesBesideOtherValues_AreNamed(string function, string? expected) => Assert.That(
        Structure(Operators((graph, x) => graph.AddNode("Concat", [Product(graph, x, "boxes"), graph.AddNode(function, [Product(graph, x, "logits")], "scores").Output], "y").Set("axis", 1L).Output), "y"),
        Is.EqualTo(expected));

    [TestCase(8f, null)]
    [TestCase(16f, "range-mixing scale")]
    public void FactorsOfDifferentSizes_AtTheHead_AreNamed(float largest, string? expected)
    {
        var factors = Enumerable.Repeat(1f, Width).ToArray();
        factors[0] = largest;

        var operators = Operators((graph, x) =>
        {
            var inside = graph.AddNode("Mul", [Product(graph, x, "a"), graph.AddInitializer("k", TensorData.Create<float>([Width], factors))], "inside").Output;
            return graph.AddNode("Mul", [Product(graph, inside, "b"), graph.AddInitializer("f", TensorData.Create<float>([Width], factors))], "y").Output;
        });

        Assert.That((Structure(operators, "inside"), Structure(operators, "y")), Is.EqualTo(((string?)null, expected)));
    }

    [Test]
    public void ExponentAtTheHead_IsNamed_WithWhatAStepMakes_AndThatOfASoftmaxInPiecesIsNot()
    {
        var operators = Operators((graph, x) =>
        {
            var weights = graph.AddNode("Exp", [Product(graph, x, "inner")], "weights").Output;
            return graph.AddNode("Exp", [Product(graph, weights, "sizes")], "y").Output;
        });

        using (Assert.EnterMultipleScope())
        {
            Assert.That((Structure(operators, "sizes"), Structure(operators, "y")), Is.EqualTo(("exponent", "exponent")));
            Assert.That((Structure(operators, "inner"), Structure(operators, "weights")), Is.EqualTo(((string?)null, (string?)null)));
            Assert.That(operators["y"].Reason, Does.Match(@"exponent: an output of the model is e to the power of it, and one of 256 steps over [\d.]+ makes [\d.]+ % of that"));
        }
    }

    [Test]
    public void ScoresInFrontOfASoftmax_AreNamed()
    {
        var operators = Operators((graph, x) =>
            graph.AddNode("Softmax", [graph.AddNode("Mul", [Product(graph, Product(graph, x, "before"), "scores"), Scalar(graph, "k", 0.25f)], "scaled").Output], "y").Output);

        Assert.That((Structure(operators, "before"), Structure(operators, "scores")), Is.EqualTo(((string?)null, "softmax input")));
    }

    /// <summary>By the costs alone either would be INT8.</summary>
    [TestCase(false, OperatorDecision.Int8, null)]
    [TestCase(true, OperatorDecision.Float, "averaged scores")]
    public void MeansThatAreResults_StayFloat_AndThoseThatAProductReadsDoNot(bool isResult, OperatorDecision decision, string? structure)
    {
        const int Channels = 64;
        var means = _tiny.QuantizeExactly(
            TinyModels.Build(13, [1, Channels, 28, 28], (graph, x) =>
            {
                var wide = graph.AddNode("Conv", [x, graph.AddInitializer("w", _tiny.Random(Channels, Channels, 3, 3))], "wide").Output;
                var read = graph.AddNode("Conv", [wide, graph.AddInitializer("v", _tiny.Random(Channels, Channels, 3, 3))], "read").Output;
                var scores = graph.AddNode("Flatten", [graph.AddNode("GlobalAveragePool", [read], "means").Output], "scores").Output;
                return graph.AddNode("Softmax", [isResult ? scores : graph.AddNode("Gemm", [scores, graph.AddInitializer("g", _tiny.Random(Channels, 1000))], "classes").Output], "y").Output;
            }),
            [1, Channels, 28, 28], new() { AccuracyEffort = AccuracyEffort.Fast }).Result.Report.Operators.Single(row => row.Name == "means");

        using (Assert.EnterMultipleScope())
        {
            Assert.That((means.Decision, means.Structure), Is.EqualTo((decision, structure)));
            Assert.That(means.Reason, isResult ? Does.StartWith("averaged scores: its means are results of the model") : Does.Not.Contain("means"));
        }
    }

    [TestCase(1f, null)]
    [TestCase(0.01f, "growing residual trunk")]
    public void TrunkThatHasOutgrownItsBranch_IsNamed(float factor, string? expected)
    {
        var operators = Operators((graph, x) =>
        {
            var first = graph.AddNode("Add", [Product(graph, x, "a"), Product(graph, x, "b")], "first").Output;
            var trunk = graph.AddNode("Relu", [first], "relu").Output;
            return graph.AddNode("Add", [trunk, Product(graph, trunk, "branch", factor)], "y").Output;
        });

        Assert.That((Structure(operators, "first"), Structure(operators, "y")), Is.EqualTo(((string?)null, expected)));
    }

    /// <summary>One channel of many is large: its square alone fills the range, and the mean hardly notices it.</summary>
    [TestCase(1f, null)]
    [TestCase(1000f, "heavy tail")]
    public void ActivationsOfWhichAFewAreLarge_AreNamedAtTheirReader(float largest, string? expected)
    {
        const int Channels = 1 << 14;
        var columns = Enumerable.Repeat(1f, Channels).ToArray();
        columns[3] = largest;

        var operators = Operators((graph, x) =>
        {
            var many = graph.AddNode("MatMul", [x, graph.AddInitializer("w", _tiny.Random(Width, Channels))], "many").Output;
            var uneven = graph.AddNode("Mul", [many, graph.AddInitializer("k", TensorData.Create<float>([Channels], columns))], "uneven").Output;
            return graph.AddNode("MatMul", [graph.AddNode("Sin", [graph.AddNode("Neg", [uneven], "negative").Output], "bounded").Output, graph.AddInitializer("v", _tiny.Random(Channels, 2))], "bounded_reader").Output is var bounded
                ? graph.AddNode("Add", [bounded, graph.AddNode("MatMul", [uneven, graph.AddInitializer("u", _tiny.Random(Channels, 2))], "reader").Output], "y").Output
                : x;
        });

        Assert.That((Structure(operators, "bounded_reader"), Structure(operators, "reader")), Is.EqualTo(((string?)null, expected)));
    }

    [Test]
    public void EveryStructure_IsDescribed()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "QuantBuild.sln")))
        {
            folder = folder.Parent!;
        }

        var page = File.ReadAllText(Path.Combine(folder.FullName, "docs", "accuracy.md"));
        Assert.That(KnownStructures.All.Select(row => row.Name).Where(name => !page.Contains($"\n| {name} |", StringComparison.Ordinal)), Is.Empty);
    }

    /// <summary>A detector whose boxes' sizes go through Exp and whose scores through a Softmax.</summary>
    [TestCase(CalibrationMethodName.MinMax)]
    [TestCase(CalibrationMethodName.Mse)]
    public void RealDetector_HasItsHeadNamed(CalibrationMethodName method)
    {
        var job = Detector(method);

        var structures = KnownStructures.Find(job.Model, job.Context, job.Observe(job.Wanted), job.Data.Measured);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(structures.Where(entry => entry.Value.Name == "softmax input").Select(entry => entry.Key.OpType), Is.EqualTo(Enumerable.Repeat("Conv", 4)), "scores at four sizes");
            Assert.That(structures.Where(entry => entry.Value.Name == "exponent").Select(entry => entry.Key.OpType).Order(), Is.EqualTo(Enumerable.Repeat("Conv", 4).Append("Exp")));
            Assert.That(structures.Values.Select(structure => structure.Name), Does.Contain("range-mixing scale").And.Not.Contain("attention mask"));
        }
    }

    /// <summary>The products in front of the Softmax are quantized, and what calibration saw of them is not looked at again.</summary>
    [TestCase(CalibrationMethodName.MinMax)]
    [TestCase(CalibrationMethodName.Mse)]
    public void WithoutSamples_WhatCalibrationSaw_IsNamed(CalibrationMethodName method)
    {
        var job = Detector(method);

        var structures = KnownStructures.Find(job.Model, job.Context, job.Observe(job.Wanted), job.Data.Measured.Take(0));

        Assert.That(structures.Values.Count(structure => structure.Name == "softmax input"), Is.EqualTo(4));
    }

    /// <summary>As of tensors whose channels were scaled, with a calibration file: the samples that are looked at have less than the range of all.</summary>
    [Test]
    public void RangeOfAllSamples_Counts_WhereSquaresAreThoseOfAFew()
    {
        var (job, range) = (Detector(CalibrationMethodName.MinMax), new TensorRange(-1000, 1000));
        var observed = job.Observe(job.Wanted).ToDictionary(entry => entry.Key, entry => entry.Value with { Range = range, RootMeanSquare = null });
        var structures = KnownStructures.Find(job.Model, job.Context, observed, job.Data.Measured);
        Assert.That(structures.Values.Count(structure => structure.Name == "softmax input" && structure.Reason.Contains("they span 2000,", StringComparison.Ordinal)), Is.EqualTo(4));
    }

    private static PreparedRequest Detector(CalibrationMethodName method) => PreparedRequest.Open(
        new(SharedData.Require("faces/ultraface_rfb_320.onnx"), SharedData.Require("faces"), new()
        {
            CalibrationData = ["calib.csv"],
            CalibrationMethod = method,
            Preprocessing = new() { Size = new(320, 240), Resize = ResizeMode.Stretch, Scale = 1, Mean = [127], Std = [128] },
        }, 2), new(), null, CancellationToken.None);

    private static Value Scalar(Graph graph, string name, float value) => graph.AddInitializer(name, TensorData.Scalar(value));

    private static Value Mean(Graph graph, Value value, string name) => graph.AddNode("ReduceMean", [value], name).Set(NodeAttribute.Of("axes", [-1])).Output;

    private static Value Declared(Value value)
    {
        value.Declare(ElementType.Float, default);
        return value;
    }

    private static string? Structure(Dictionary<string, OperatorReport> operators, string name) => operators[name].Structure;

    private Value Product(Graph graph, Value input, string name, float factor = 1)
    {
        var weights = _tiny.Random(Width, Columns).ToFloats();
        return graph.AddNode("MatMul", [input, graph.AddInitializer(name + "_w", TensorData.Create<float>([Width, Columns], Array.ConvertAll(weights, weight => factor * weight)))], name).Output;
    }

    private int Columns { get; set; } = Width;

    private Dictionary<string, OperatorReport> Operators(Func<Graph, Value, Value> build, int columns = Width)
    {
        Columns = columns;
        return _tiny.Quantize(TinyModels.Build(13, [1, Width], build), [1, Width]).Result.Report.Operators.ToDictionary(row => row.Name);
    }
}
