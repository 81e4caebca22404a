using System.Collections.Immutable;
using System.Diagnostics;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Quantization.Calibration;
using QuantBuild.Quantization.Inference;

namespace QuantBuild.Benchmarks.Comparison;

/// <summary>Runs the float model once over samples that are in memory, one thread inside ONNX Runtime and samples in parallel.</summary>
internal sealed class BarePass : IDisposable
{
    private readonly InferenceModel _model;
    private readonly SampleRun _run;

    public BarePass(string model, string samples, int count, int threads)
    {
        _model = InferenceModel.Load(OnnxFile.Read(model), Optimization.AsDeployed);
        var set = SampleSet.Open(new([samples], samples, _model.Inputs, new()));
        var read = Enumerable.Range(0, count).Select(set.Read).ToImmutableArray();
        _run = new([.. read.Index().Select(entry => new SampleHandle(set[entry.Index].Id, null, () => entry.Item))], threads, null, CancellationToken.None);
    }

    public double Seconds()
    {
        string[] outputs = [.. _model.OutputNames];
        var start = Stopwatch.GetTimestamp();
        _run.ForEach("Running", sample => _model.Run(sample.Inputs, outputs, static (_, _, _, _) => { }));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose() => _model.Dispose();
}
