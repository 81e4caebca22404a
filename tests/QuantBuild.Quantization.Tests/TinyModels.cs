using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Small graphs with random weights, quantized through the main path and run on ONNX Runtime.</summary>
internal sealed class TinyModels
{
    private readonly Random _random = new(7);

    public TensorData Random(params ImmutableArray<long> shape)
    {
        var elements = new float[shape.Aggregate(1L, (product, length) => product * length)];
        for (var i = 0; i < elements.Length; i++)
        {
            elements[i] = (float)((_random.NextDouble() * 2) - 1);
        }

        return TensorData.Create<float>(shape, elements);
    }

    /// <summary>A model of input x, whose nodes <paramref name="build"/> adds; it returns the output.</summary>
    public static Model Build(long opset, ImmutableArray<long?> shape, Func<Graph, Value, Value> build)
    {
        var model = Model.Create("tiny", opset);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, shape);
        var output = build(model.Graph, input);
        output.Declare(ElementType.Float, default);
        model.Graph.AddOutput(output);
        return model;
    }

    /// <summary>Quantizes with 24 random samples and compares both models on the first of them, whose values all ranges hold.</summary>
    public (QuantizationResult Result, TensorData Float, TensorData Quantized) Quantize(Model model, ImmutableArray<long> shape) => Quantize(model, shape, new());

    /// <summary>The same under settings of the quantization. What Auto would find too small for INT8 is quantized all the same.</summary>
    public (QuantizationResult Result, TensorData Float, TensorData Quantized) Quantize(Model model, ImmutableArray<long> shape, QuantizationSettings chosen) =>
        QuantizeExactly(model, shape, chosen with { Format = chosen.Format == ModelFormat.Auto ? ModelFormat.Qdq : chosen.Format });

    /// <summary>The same, where Auto decides what is worth it.</summary>
    public (QuantizationResult Result, TensorData Float, TensorData Quantized) QuantizeExactly(Model model, ImmutableArray<long> shape, QuantizationSettings chosen)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        try
        {
            var path = Path.Combine(folder, "tiny.onnx");
            OnnxFile.Write(model, path);
            TensorData[] samples = [.. Enumerable.Range(0, 24).Select(_ => Random(shape))];
            foreach (var (i, sample) in samples.Index())
            {
                NpyFile.Write(Path.Combine(folder, i.ToString("d2", CultureInfo.InvariantCulture) + ".npy"), sample);
            }

            var settings = chosen with { CalibrationData = ["*.npy"] };
            var result = ModelQuantizer.Quantize(new(path, folder, settings, 2), null, CancellationToken.None);
            var inputs = ImmutableDictionary<string, TensorData>.Empty.Add("x", samples[0]);
            return (result, Run(OnnxFile.ToBytes(model), inputs), Run(result.Model.ToArray(), inputs));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static TensorData Run(byte[] model, ImmutableDictionary<string, TensorData> inputs)
    {
        using var session = InferenceModel.Load(model, Optimization.AsDeployed);
        return session.Run(inputs, [.. session.OutputNames])[0];
    }

    public static double SqnrDb(TensorData reference, TensorData actual)
    {
        var pairs = reference.ToFloats().Zip(actual.ToFloats()).ToArray();
        return 10 * Math.Log10(pairs.Sum(pair => (double)pair.First * pair.First) / Math.Max(pairs.Sum(pair => Math.Pow(pair.First - pair.Second, 2)), 1e-30));
    }
}
