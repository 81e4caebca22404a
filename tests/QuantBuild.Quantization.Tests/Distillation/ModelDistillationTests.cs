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
            Assert.That(result.After, Is.LessThan(0.4 * result.Before));
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
            Assert.That(result.After, Is.EqualTo(result.Before));
            Assert.That(OnnxFile.ToBytes(student), Is.EqualTo(OnnxFile.ToBytes(Network())));
        }
    }

    [TestCase(9, 5, "fewer than 10 samples have the same shape")]
    [TestCase(40, 0, "RefitEpochs is 0")]
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

    /// <summary>Such as detectors that give as many boxes as they find.</summary>
    [Test]
    public void OutputsOfManyShapes_TeachNothing_AndSayWhy()
    {
        static Model Selecting() => TinyModels.Build(13, [1, 2, 16, 16], (graph, input) =>
        {
            var features = graph.AddNode("Conv", [input, Weights(graph, "w", 1, 1, 2, 3, 3)], "features").Output;
            var places = graph.AddNode("NonZero", [graph.AddNode("Relu", [features], "positive").Output], "places").Output;
            return graph.AddNode("Cast", [places], "y").Set("to", (long)ElementType.Float).Output;
        });

        Assert.That(ModelDistillation.Run(Selecting(), Selecting(), Samples(40, threads: 2), 2).Reason, Is.Not.Null);
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
