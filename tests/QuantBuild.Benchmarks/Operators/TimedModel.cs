using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using QuantBuild.Onnx;

namespace QuantBuild.Benchmarks.Operators;

/// <summary>A model as an application loads it, on one thread, with random inputs; and what ONNX Runtime made of it.</summary>
internal sealed class TimedModel : IDisposable
{
    /// <summary>Masks hide the ends of rows; at random, a kernel that branches would wait for every element.</summary>
    private const int MaskRun = 48;

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string[] _names;
    private readonly OrtValue[] _values;

    public TimedModel(byte[] model)
    {
        var optimized = Path.GetTempFileName();
        try
        {
            using var options = new SessionOptions
            {
                IntraOpNumThreads = 1,
                InterOpNumThreads = 1,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
                OptimizedModelFilePath = optimized,
            };
            _session = new(model, options);
            Kernels = OnnxFile.Read(optimized).Graph.Nodes.CountBy(node => node.OpType).ToDictionary();
        }
        finally
        {
            File.Delete(optimized);
        }

        _names = [.. _session.InputNames];
        _values = [.. _names.Select(name => Random(_session.InputMetadata[name]))];
    }

    /// <summary>The nodes of the optimized graph, by their type.</summary>
    public IReadOnlyDictionary<string, int> Kernels { get; }

    /// <summary>The median time of the runs in one block, in nanoseconds.</summary>
    public double Block(double milliseconds)
    {
        var times = new List<double>();
        var start = Stopwatch.GetTimestamp();
        do
        {
            var before = Stopwatch.GetTimestamp();
            using (_session.Run(_run, _names, _values, _session.OutputNames))
            {
                times.Add(Stopwatch.GetElapsedTime(before).TotalNanoseconds);
            }
        }
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds);

        times.Sort();
        return times[times.Count / 2];
    }

    public void Dispose()
    {
        Array.ForEach(_values, value => value.Dispose());
        _run.Dispose();
        _session.Dispose();
    }

    private static OrtValue Random(NodeMetadata input)
    {
        var random = new Random(7);
        long[] shape = [.. input.Dimensions.Select(length => (long)length)];
        var count = (int)shape.Aggregate(1L, (product, length) => product * length);
        if (input.ElementType == typeof(float))
        {
            return OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(new float[count], _ => (float)((random.NextDouble() * 2) - 1)), shape);
        }

        return input.ElementType == typeof(bool)
            ? OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, count).Select(index => index / MaskRun % 2 == 0)], shape)
            : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(new byte[count], _ => (byte)random.Next(byte.MaxValue + 1)), shape);
    }
}
