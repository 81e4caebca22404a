using BenchmarkDotNet.Attributes;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Calibration.Methods;
using QuantBuild.Quantization.Calibration.Statistics;
using QuantBuild.Quantization.Numerics;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Benchmarks.Kernels;

/// <summary>What the engine spends its own time with: a feature map of half a million elements, as a Relu leaves it, and a model of ten megabytes.</summary>
[MemoryDiagnoser]
public class KernelBenchmarks
{
    private const int ElementCount = 1 << 19;
    private const int Layers = 10;
    private const int Width = 512;

    private readonly float[] _elements = new float[ElementCount];
    private readonly HistogramCounter _counter = new();
    private readonly RangeOptions _options = new(99.999);
    private TensorStatistics _statistics = null!;
    private TensorData _weights = null!;
    private byte[] _bytes = [];
    private Model _model = null!;

    [GlobalSetup]
    public void Prepare()
    {
        var random = new Random(7);
        for (var i = 0; i < ElementCount; i++)
        {
            _elements[i] = Math.Max(0, Normal(random));
        }

        var observer = new TensorObserver(StatisticsKinds.All);
        observer.Observe(_elements, _counter);
        _statistics = observer.Statistics;
        _weights = TensorData.Create<float>([Width, Width], [.. Enumerable.Range(0, Width * Width).Select(_ => Normal(random))]);
        _model = Stack();
        _bytes = OnnxFile.ToBytes(_model);
    }

    [Benchmark]
    public bool CountHistogram() => _counter.TryCount(_elements, _statistics.Histogram!.Exponent);

    [Benchmark]
    public float FindExtremes() => ElementSummary.Of(_elements).Range.Max;

    /// <summary>What calibration does with each activation of each sample.</summary>
    [Benchmark]
    public long ObserveTensor()
    {
        var observer = new TensorObserver(StatisticsKinds.All);
        observer.Observe(_elements, _counter);
        return observer.Statistics.NotFinite;
    }

    /// <summary>A matrix of 512 × 512, with one scale a channel.</summary>
    [Benchmark]
    public int QuantizeWeights() => WeightQuantization.Quantize(
        _weights, 1, new Granularity.PerChannel(1), new(ElementType.Int8, true, false, WeightGranularity.PerChannel, 0, WeightRange.KernelPairs), []).Parameters.Scales.Length;

    [Benchmark]
    public float SearchPercentile() => PercentileMethod.Choose(_statistics, _options).Max;

    [Benchmark]
    public float SearchMse() => MseMethod.Choose(_statistics, _options).Max;

    [Benchmark]
    public float SearchEntropy() => EntropyMethod.Choose(_statistics, _options).Max;

    [Benchmark]
    public int ReadModel() => OnnxFile.FromBytes(_bytes).Graph.Nodes.Count;

    [Benchmark]
    public int WriteModel() => OnnxFile.ToBytes(_model).Length;

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private Model Stack()
    {
        var model = Model.Create("stack", 17);
        var value = model.Graph.AddInput("x");
        value.Declare(ElementType.Float, [null, Width]);
        for (var i = 0; i < Layers; i++)
        {
            value = model.Graph.AddNode("MatMul", [value, model.Graph.AddInitializer("w", _weights)], "h").Output;
        }

        value.Declare(ElementType.Float, default);
        model.Graph.AddOutput(value);
        return model;
    }
}
