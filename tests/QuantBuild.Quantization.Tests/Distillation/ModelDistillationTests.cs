using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Distillation;

namespace QuantBuild.Quantization.Tests.Distillation;

/// <summary>A student that was a teacher until something was done to its weights.</summary>
internal sealed class ModelDistillationTests
{
    private const int Epochs = 30;

    [Test]
    public void AStudent_ComesNearerToItsTeacher()
    {
        var (teacher, student) = (Network(), Damaged());

        var result = ModelDistillation.Run(teacher, student, Samples(60, threads: 2), Epochs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.ErrorAfter, Is.LessThan(0.4 * result.ErrorBefore));
            Assert.That(TinyModels.SqnrDb(Outputs(teacher), Outputs(student)), Is.GreaterThan(TinyModels.SqnrDb(Outputs(teacher), Outputs(Damaged())) + 0.5), "on samples that it has not seen");
        }
    }

    [Test]
    public void WhatIsZero_StaysZero()
    {
        var student = Damaged();
        var before = student.Graph.Initializers.ToDictionary(value => value.Name, value => value.Constant!.ToFloats());

        ModelDistillation.Run(Network(), student, Samples(60, threads: 1), Epochs);

        var changed = 0;
        using (Assert.EnterMultipleScope())
        {
            foreach (var value in student.Graph.Initializers.Where(value => value.Constant!.Rank > 1))
            {
                foreach (var (old, now) in before[value.Name].Zip(value.Constant!.ToFloats()))
                {
                    Assert.That(now == 0, Is.EqualTo(old == 0), value.Name);
                    changed += now == old ? 0 : 1;
                }
            }
        }

        Assert.That(changed, Is.GreaterThan(0));
    }

    [Test]
    public void TheNumberOfThreads_ChangesNothing()
    {
        var (one, three) = (Damaged(), Damaged());

        ModelDistillation.Run(Network(), one, Samples(40, threads: 1), 3);
        ModelDistillation.Run(Network(), three, Samples(40, threads: 3), 3);

        Assert.That(OnnxFile.ToBytes(one), Is.EqualTo(OnnxFile.ToBytes(three)));
    }

    [Test]
    public void ATeacher_IsNotChanged_WhereTheStudentIsItsEqual()
    {
        var student = Network();

        var result = ModelDistillation.Run(Network(), student, Samples(40, threads: 1), 3);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.ErrorAfter, Is.EqualTo(result.ErrorBefore));
            Assert.That(OnnxFile.ToBytes(student), Is.EqualTo(OnnxFile.ToBytes(Network())));
        }
    }

    [TestCase(9, 5, "fewer than 10 samples have the same shape")]
    [TestCase(40, 0, "RefitEpochs=0 or AccuracyEffort=Fast leaves it out")]
    public void TooFewSamplesOrNoEpochs_TeachNothing(int samples, int epochs, string reason)
    {
        var student = Damaged();

        var result = ModelDistillation.Run(Network(), student, Samples(samples, threads: 1), epochs);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Reason, Is.EqualTo(reason));
            Assert.That(OnnxFile.ToBytes(student), Is.EqualTo(OnnxFile.ToBytes(Damaged())));
        }
    }

    /// <summary>Such as the boxes that a detector has found, beside its scores.</summary>
    [Test]
    public void OutputWhoseShapeDependsOnTheData_IsPassedOver()
    {
        var student = Selecting(0.9f);

        var result = ModelDistillation.Run(Selecting(1), student, Samples(40, threads: 2), 10);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Reason, Is.Null);
            Assert.That(result.ErrorAfter, Is.LessThan(0.5 * result.ErrorBefore));
        }
    }

    /// <summary>The first samples are all 0, so that nothing is selected, and the others are not.</summary>
    [Test]
    public void OutputWhoseShapeChangesLater_TeachesNothing_AndSaysWhy()
    {
        var samples = Samples(40, threads: 2);
        var zeros = ImmutableDictionary<string, TensorData>.Empty.Add("x", TensorData.Create<float>([1, 2, 16, 16], new float[512]));
        samples = samples with { Samples = [.. samples.Samples.Select((sample, index) => index < 12 ? new SampleHandle(sample.Id, null, () => new Sample(sample.Id, new(zeros), null)) : sample)] };
        var student = Selecting(0.9f);

        var result = ModelDistillation.Run(Selecting(1), student, samples, 2);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Reason, Does.StartWith("ONNX Runtime says: "));
            Assert.That(OnnxFile.ToBytes(student), Is.EqualTo(OnnxFile.ToBytes(Selecting(0.9f))));
        }
    }

    [Test]
    public void WithoutAFloatOutput_NothingIsLearned() =>
        Assert.That(ModelDistillation.Run(Integers("Cast", "to", (long)ElementType.Int64), Integers("Cast", "to", (long)ElementType.Int64), Samples(40, threads: 1), 2).Reason, Does.StartWith("no output is float"));

    [TestCase("ArgMax", "axis", 1)]
    [TestCase("Cast", "to", (long)ElementType.Float16)]
    public void BehindWhatSaysLess_ScoresAreLearned(string type, string attribute, long value) =>
        Assert.That(ModelDistillation.Run(Integers(type, attribute, value), Integers(type, attribute, value), Samples(40, threads: 1), 2).Reason, Is.Null);

    /// <summary>What an operator makes of the results of a convolution.</summary>
    private static Model Integers(string type, string attribute, long value)
    {
        var model = TinyModels.Build(13, [1, 2, 16, 16], (graph, input) =>
            graph.AddNode(type, [graph.AddNode("Conv", [input, Weights(graph, "w", 1, 3, 2, 3, 3)], "scores").Output], "y").Set(attribute, value).Output);
        model.Graph.Outputs[0].Declare(attribute == "to" ? (ElementType)value : ElementType.Int64, default);
        return model;
    }

    /// <summary>Scores, and where they are positive.</summary>
    private static Model Selecting(float factor)
    {
        var model = TinyModels.Build(13, [1, 2, 16, 16], (graph, input) =>
            graph.AddNode("Conv", [input, graph.AddInitializer("w", TensorData.Create<float>([1, 2, 3, 3], [.. Tensor(1, 1, 2, 3, 3).ToFloats().Select(element => factor * element)]))], "scores").Output);
        var places = model.Graph.AddNode("NonZero", [model.Graph.AddNode("Relu", [model.Graph.Outputs[0]], "positive").Output], "places").Output;
        var selected = model.Graph.AddNode("Cast", [places], "selected").Set("to", (long)ElementType.Float).Output;
        selected.Declare(ElementType.Float, default);
        model.Graph.AddOutput(selected);
        return model;
    }

    private static Model Network() => TinyModels.Build(13, [1, 2, 16, 16], (graph, input) =>
    {
        var hidden = graph.AddNode("Relu", [graph.AddNode("Conv", [input, Weights(graph, "w1", 1, 6, 2, 3, 3), Weights(graph, "b1", 2, 6)], "c1").Output], "r1").Output;
        var pooled = graph.AddNode("MaxPool", [graph.AddNode("Conv", [hidden, Weights(graph, "w2", 3, 5, 6, 3, 3)], "c2").Output], "p2").Set("kernel_shape", [2, 2]).Set("strides", [2, 2]).Output;
        var flat = graph.AddNode("Flatten", [pooled], "flat").Output;
        return graph.AddNode("Softmax", [graph.AddNode("Gemm", [flat, Weights(graph, "w3", 4, 180, 4), Weights(graph, "b3", 5, 4)], "scores").Output], "y").Output;
    });

    /// <summary>A quarter of the weights is 0, and the rest smaller.</summary>
    private static Model Damaged()
    {
        var model = Network();
        var random = new Random(9);
        foreach (var value in model.Graph.Initializers.Where(value => value.Constant!.Rank > 1))
        {
            value.Constant = TensorData.Create<float>(value.Constant!.Dimensions, [.. value.Constant.ToFloats().Select(weight => random.NextDouble() < 0.25 ? 0 : 0.9f * weight)]);
        }

        return model;
    }

    private static TensorData Outputs(Model model)
    {
        var outputs = Samples(100, threads: 1).Samples[60..].Select(sample => TinyModels.Run(OnnxFile.ToBytes(model), sample.Read().Inputs.Tensors).ToFloats());
        float[] all = [.. outputs.SelectMany(output => output)];
        return TensorData.Create<float>([all.Length], all);
    }

    private static SampleRun Samples(int count, int threads) => new(
        [.. Enumerable.Range(0, count).Select(seed => new SampleHandle($"{seed}", null, () => new Sample($"{seed}", new(ImmutableDictionary<string, TensorData>.Empty.Add("x", Tensor(100 + seed, 1, 2, 16, 16))), null)))],
        threads,
        null,
        CancellationToken.None);

    private static Value Weights(Graph graph, string name, int seed, params ImmutableArray<long> shape)
    {
        var size = Math.Sqrt(1.0 / Math.Max(1, shape.Skip(shape.Length == 2 ? 0 : 1).Aggregate(1L, (product, length) => product * length)));
        return graph.AddInitializer(name, TensorData.Create<float>(shape, [.. Tensor(seed, shape).ToFloats().Select(element => (float)(3 * size * element))]));
    }

    private static TensorData Tensor(int seed, params ImmutableArray<long> shape)
    {
        var random = new Random(seed);
        return TensorData.Create<float>(shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(_ => (float)((2 * random.NextDouble()) - 1))]);
    }
}
