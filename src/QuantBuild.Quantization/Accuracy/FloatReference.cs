using System.Collections.Concurrent;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>The float model that others are compared with: by which metric and outputs, and what it computes on samples, which many candidates need and which stays the same.</summary>
internal sealed class FloatReference
{
    /// <summary>Outputs beyond so many bytes are computed again for each candidate rather than fill the memory.</summary>
    private const long MostBytes = 1L << 28;

    private readonly InferenceModel _model;
    private readonly ConcurrentDictionary<SampleHandle, (TensorData[]? Outputs, double Score)> _known = new(ReferenceEqualityComparer.Instance);
    private long _bytes;

    private FloatReference(InferenceModel model, string[] outputs, OutputKind kind, Metric metric) => (_model, OutputNames, Kind, Metric) = (model, outputs, kind, metric);

    /// <summary>Those with floating-point elements, in the order of the model; where there is none, those with integers, which are classes' numbers.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    public OutputKind Kind { get; }

    public Metric Metric { get; }

    /// <summary>Null where there is no sample, or no output to compare, by what a run of the first sample gives.</summary>
    /// <exception cref="QuantBuildException">The metric that is set needs labels that are not there.</exception>
    public static FloatReference? Of(InferenceModel model, SampleRun samples, QuantizationSettings settings)
    {
        if (samples.Count == 0)
        {
            return null;
        }

        var names = model.OutputNames.ToArray();
        var found = new List<(string Name, TensorData Tensor)>();
        model.Run(samples.Samples[0].Read().Inputs, names, (index, type, shape, bytes) =>
        {
            if (!bytes.IsEmpty && type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.Int64 or ElementType.Int32 or ElementType.UInt8)
            {
                found.Add((names[index], new(type, [.. shape], bytes.ToArray())));
            }
        });
        var floats = found.Where(output => !ClassAxis.AreNumbers(output.Tensor)).ToList();
        var compared = floats.Count > 0 ? floats : found;
        TensorData[] outputs = [.. compared.Select(output => output.Tensor)];
        return outputs.Length == 0 ? null : new(model, [.. compared.Select(output => output.Name)], OutputKinds.Of(outputs), Metrics.For(settings, samples, outputs));
    }

    /// <summary>The float model's own score, and its outputs: none where labels judge and it ran before. Calls may overlap.</summary>
    public (TensorData[] Outputs, double Score) Of(SampleHandle handle, Sample sample)
    {
        if (_known.TryGetValue(handle, out var known) && (known.Outputs is not null || Metric.NeedsLabel))
        {
            return (known.Outputs ?? [], known.Score);
        }

        var outputs = _model.Run(sample.Inputs, OutputNames);
        var score = Metric.Perfect ?? Score(sample, outputs, outputs);
        var isKept = !Metric.NeedsLabel && Interlocked.Add(ref _bytes, outputs.Sum(output => (long)output.Bytes.Length)) <= MostBytes;
        _known[handle] = (isKept ? outputs : null, score);
        return (outputs, score);
    }

    /// <exception cref="QuantBuildException">The label is none of the model's classes.</exception>
    public double Score(Sample sample, TensorData[] reference, TensorData[] actual)
    {
        try
        {
            return Metric.Score(new(reference, actual, sample.Label));
        }
        catch (QuantBuildException exception)
        {
            throw new QuantBuildException(exception.Code, $"{sample.Id}: {exception.Message}", exception);
        }
    }
}
