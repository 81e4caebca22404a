using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Corrections;
using QuantBuild.Quantization.Layers;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests.Corrections;

/// <summary>Weights are rounded with the inputs of their layer in view.</summary>
internal sealed class RoundingTests
{
    private const int Width = 24;

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Of all 2^6 ways to round six weights the one with the least error is never far.</summary>
    [Test]
    public void Round_SixWeights_IsNearTheBestOfAll()
    {
        var random = new Random(5);
        var (chosen, nearest, best) = (0.0, 0.0, 0.0);
        for (var trial = 0; trial < 50; trial++)
        {
            var columns = Correlated(random, 6, 200);
            var moments = LayerMoments.Of(Inputs(columns, 6), 0, _ => true, false)!;
            float[] weights = [.. Enumerable.Range(0, 6).Select(_ => (float)((random.NextDouble() * 10) - 5))];
            var integers = new int[6];
            LayerRounding.Of(moments)!.Round(weights, (_, _) => new(1, 0, -127, 127), integers);

            chosen += Error(columns, weights, integers);
            nearest += Error(columns, weights, [.. weights.Select(weight => (int)Math.Round(weight))]);
            best += Enumerable.Range(0, 64).Min(bits => Error(columns, weights, [.. weights.Select((weight, index) => (int)Math.Floor(weight) + ((bits >> index) & 1))]));
            Assert.That(weights.Zip(integers).All(pair => Math.Abs(pair.First - pair.Second) < 1), "a neighbour");
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(chosen, Is.LessThan(0.5 * nearest));
            Assert.That(chosen, Is.LessThan(1.6 * best));
        }
    }

    /// <summary>The product of refined scale and integers is the nearest to the weights in the norm of the inputs: no other factor does better.</summary>
    [Test]
    public void Round_ReturnsTheBestFactorOfTheScale()
    {
        var random = new Random(8);
        var columns = Correlated(random, 6, 200);
        var moments = LayerMoments.Of(Inputs(columns, 6), 0, _ => true, false)!;
        float[] weights = [.. Enumerable.Range(0, 6).Select(_ => (float)((random.NextDouble() * 3) - 1.5))];
        var integers = new int[6];

        var factor = LayerRounding.Of(moments)!.Round(weights, (_, _) => new(1, 0, -127, 127), integers)[0];

        // In the norm of the moments with the damping on their diagonal
        double ErrorAt(double scale)
        {
            double[] change = [.. weights.Zip(integers, (weight, integer) => (scale * integer) - weight)];
            return change.Index().Sum(row => change.Index().Sum(column => row.Item * column.Item * (moments[row.Index][column.Index] + (row.Index == column.Index ? 0.1 * moments.MeanEnergy : 0))));
        }

        Assert.That(ErrorAt(factor), Is.LessThanOrEqualTo(1.0001 * Enumerable.Range(800, 400).Min(permille => ErrorAt(permille / 1000.0))));
    }

    /// <summary>Longer than a block, and neither channels nor weights fill the last vector: the same integers and factors as weight by weight.</summary>
    [TestCase(33, 1)]
    [TestCase(70, 7)]
    [TestCase(96, 4)]
    public void Round_ManyWeightsAndChannels_EqualsOneAfterTheOther(int depth, int channels)
    {
        var random = new Random(depth);
        var moments = LayerMoments.Of(Inputs(Correlated(random, depth, 300), depth), 0, _ => true, false)!;
        float[] weights = [.. Enumerable.Range(0, depth * channels).Select(_ => (float)((random.NextDouble() * 10) - 5))];
        WeightStep GridOf(int channel) => new(1 + (0.1f * channel), 0, -127, 127);
        int[] order = [.. Enumerable.Range(0, depth).OrderBy(index => moments[index][index]).ThenByDescending(index => index)];
        var factor = CholeskyFactor.Of(depth, (row, column) => moments[order[row]][order[column]] + (row == column ? (0.1 * moments.MeanEnergy) + float.Epsilon : 0))!;
        var (expected, scales) = (new int[weights.Length], new double[channels]);
        for (var channel = 0; channel < channels; channel++)
        {
            var (errors, signals, common, own) = (new float[depth], new float[depth], 0.0, 0.0);
            for (var position = depth - 1; position >= 0; position--)
            {
                var (element, row) = ((channel * depth) + order[position], factor.RowOf(position));
                expected[element] = GridOf(channel).Choose(weights[element], weights[element] - (errors[position] / (double)row[position]));
                var error = (float)(GridOf(channel).ValueOf(expected[element]) - weights[element]);
                for (var other = 0; other <= position; other++)
                {
                    (errors[other], signals[other]) = (errors[other] + (float)(row[other] * error), signals[other] + (float)(row[other] * weights[element]));
                }

                var rounded = signals[position] + (double)errors[position];
                (common, own) = (common + (rounded * signals[position]), own + (rounded * rounded));
            }

            scales[channel] = common / own;
        }

        var integers = new int[weights.Length];
        var actual = LayerRounding.Of(moments)!.Round(weights, (channel, _) => GridOf(channel), integers);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(integers, Is.EqualTo(expected));
            Assert.That(actual, Is.EqualTo(scales));
        }
    }

    [TestCase("Gemm", ModelFormat.Qdq)]
    [TestCase("Gemm", ModelFormat.QOperator)]
    [TestCase("MatMul", ModelFormat.Dynamic)]
    [TestCase("MatMul", ModelFormat.WeightOnly)]
    public void CorrelatedInputs_ErrorFalls_AndTheReportSaysSo(string opType, ModelFormat format)
    {
        WriteModel(opType);
        WriteSamples(correlated: true);

        var (with, _) = Quantize(format, Correction.Bias, Correction.Rounding);
        var (without, _) = Quantize(format, Correction.Bias);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(with.Reason, Does.Contain("its weights are rounded for what its inputs are like"));
            Assert.That(without.Reason, Does.Not.Contain("rounded"));
            Assert.That(with.SqnrDb, Is.GreaterThan(without.SqnrDb!.Value));
        }
    }

    /// <summary>What no pair of products may exceed holds for chosen neighbours, too.</summary>
    [Test]
    public void RoundedWeights_NoPairSaturatesSixteenBits()
    {
        WriteModel("Gemm");
        WriteSamples(correlated: true);

        var (row, model) = Quantize(ModelFormat.Qdq, Correction.Rounding);

        var weights = model.Graph.Nodes.Single(node => node.Is("Gemm")).Input(1)!.Producer!.Input(0)!.Constant!.AsSpan<sbyte>().ToArray();
        Assert.That(row.Reason, Does.Contain("rounded"));
        for (var channel = 0; channel < Width; channel++)
        {
            var pairs = Enumerable.Range(0, Width).Select(index => (int)weights[(index * Width) + channel]).Chunk(2).ToArray();
            Assert.That(pairs.Max(pair => Math.Max(pair.Sum(weight => Math.Max(weight, 0)), pair.Sum(weight => Math.Max(-weight, 0)))), Is.InRange(120, 128));
        }
    }

    [Test]
    public void Fast_RoundsToNearest()
    {
        WriteModel("Gemm");
        WriteSamples(correlated: true);

        var settings = Settings(ModelFormat.Qdq) with { AccuracyEffort = AccuracyEffort.Fast };

        Assert.That(Quantize(settings).Row.Reason, Does.Not.Contain("rounded"));
    }

    private static LayerInputs Inputs(float[][] columns, int depth) =>
        new(new MatrixGeometry(1, depth, false), [new(columns[0].Length, [.. columns.SelectMany(column => column)])]);

    /// <summary>Elements that are mostly one and the same signal.</summary>
    private static float[][] Correlated(Random random, int count, int rows)
    {
        float[] common = [.. Enumerable.Range(0, rows).Select(_ => (float)random.NextDouble() - 0.5f)];
        return [.. Enumerable.Range(0, count).Select(_ => common.Select(element => element + (0.2f * ((float)random.NextDouble() - 0.5f))).ToArray())];
    }

    private static double Error(float[][] columns, float[] weights, int[] integers) => Enumerable.Range(0, columns[0].Length)
        .Sum(row => Math.Pow(columns.Select((column, index) => column[row] * ((double)integers[index] - weights[index])).Sum(), 2));

    private void WriteModel(string opType)
    {
        var random = new Random(3);
        var model = Model.Create("tiny", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, [1, Width]);
        var weights = TensorData.Create<float>([Width, Width], [.. Enumerable.Range(0, Width * Width).Select(_ => (float)random.NextDouble() - 0.5f)]);
        var output = model.Graph.AddNode(opType, [input, model.Graph.AddInitializer("w", weights)], "y").Output;
        output.Declare(ElementType.Float, [1, Width]);
        model.Graph.SetOutputs([output]);
        OnnxFile.Write(model, Path.Combine(_folder, "tiny.onnx"));
    }

    private void WriteSamples(bool correlated)
    {
        var random = new Random(4);
        for (var i = 0; i < 64; i++)
        {
            var common = random.NextDouble() - 0.5;
            float[] sample = [.. Enumerable.Range(0, Width).Select(_ => (float)((correlated ? common : 0) + (0.2 * (random.NextDouble() - 0.5))))];
            NpyFile.Write(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{i:d3}.npy")), TensorData.Create<float>([1, Width], sample));
        }
    }

    private static QuantizationSettings Settings(ModelFormat format) => new() { Format = format, CalibrationData = ["*.npy"] };

    private (OperatorReport Row, Model Model) Quantize(ModelFormat format, params Correction[] corrections) => Quantize(Settings(format) with { Corrections = [.. corrections] });

    private (OperatorReport Row, Model Model) Quantize(QuantizationSettings settings)
    {
        var result = ModelQuantizer.Quantize(new(Path.Combine(_folder, "tiny.onnx"), _folder, settings, 2), null, CancellationToken.None);
        return (result.Report.Operators.Single(row => row.Type is "MatMul" or "Gemm"), OnnxFile.FromBytes(result.Model.ToArray()));
    }
}
