using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>A folder with a model and its samples, to fold the model's input.</summary>
internal abstract class InputFoldingFixture
{
    protected static readonly ImmutableArray<long> Shape = [1, 8, 6, 6];

    protected string Folder { get; private set; } = "";

    [SetUp]
    public void CreateFolder() => Folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(Folder, recursive: true);

    protected static Value Convolution(Graph graph, Value x)
    {
        var tiny = new TinyModels();
        Value?[] inputs = [x, graph.AddInitializer("w", tiny.Random(16, 8, 3, 3)), graph.AddInitializer("b", tiny.Random(16))];
        var first = graph.AddNode("Conv", inputs, "first").Set("pads", [1L, 1, 1, 1]).Output;
        return graph.AddNode("Conv", [first, graph.AddInitializer("v", tiny.Random(8, 16, 1, 1))], "last").Output;
    }

    protected static TensorData Run(QuantizationResult result, TensorData x) =>
        TinyModels.Run(result.Model.ToArray(), ImmutableDictionary<string, TensorData>.Empty.Add("x", x));

    protected void WriteModel(Func<Graph, Value, Value> build, bool isLast = false)
    {
        var model = Model.Create("tiny", 13);
        var input = model.Graph.AddInput("x");
        input.Declare(ElementType.Float, isLast ? [null, 6, 6, 8] : [null, 8, 6, 6]);
        var output = model.Graph.AddNode("Identity", [build(model.Graph, input)], [model.Graph.AddValue("y")], null).Output;
        output.Declare(ElementType.Float, default);
        model.Graph.AddOutput(output);
        OnnxFile.Write(model, Path.Combine(Folder, "tiny.onnx"));
    }

    /// <summary>With whole ranges, which other tensors have whether inputs are folded or not.</summary>
    protected QuantizationResult Quantize(ModelFormat format, bool folds, ImagePreprocessing? preprocessing = null)
    {
        var settings = new QuantizationSettings
        {
            Preprocessing = preprocessing ?? ImagePreprocessing.FromModel,
            Format = format,
            CalibrationMethod = CalibrationMethodName.MinMax,
            CalibrationData = ["*.npy"],
            EvaluationData = ["*.npy"],
            Metric = "sqnr",
            FoldInput = folds,
        };
        return ModelQuantizer.Quantize(new(Path.Combine(Folder, "tiny.onnx"), Folder, settings, 2) { MeasuresLatency = false }, null, CancellationToken.None);
    }
}
