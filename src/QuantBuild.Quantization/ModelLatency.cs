using System.Collections.Immutable;
using QuantBuild.Data;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Inference;
using QuantBuild.Quantization.Passes;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization;

/// <summary>How long a model takes in its three forms, with one thread and with the application's.</summary>
public static class ModelLatency
{
    /// <summary>The speed of float, which INT8 is to have at least.</summary>
    private const double NoSlower = 1;

    /// <summary>Measures a result that was stored; null where there is no sample.</summary>
    /// <exception cref="QuantBuildException">A model or the data cannot be used.</exception>
    public static LatencyReport? Measure(QuantizationRequest request, string quantized, CancellationToken cancellation)
    {
        var model = OnnxFile.Read(request.Model);
        var data = RequestData.Open(request, DeployedModels.InputsOf(model, request.Model), null, cancellation);
        return data.Calibration.First is { } sample
            ? Measure(new(model, PassPipeline.Default.Run(model), OnnxFile.Read(quantized), request.Model), sample, request.Settings.MinSpeedup ?? NoSlower)
            : null;
    }

    /// <summary>What misses the speedup that is asked for is measured a second time: a machine may have been busy for a while.</summary>
    internal static LatencyReport Measure(ModelForms models, Sample sample, QuantizationSettings settings)
    {
        var limit = settings.MinSpeedup ?? NoSlower;
        var first = Measure(models, sample, limit);
        return settings.MinSpeedup is not null && first.Speedup < limit ? Measure(models, sample, limit) : first;
    }

    private static LatencyReport Measure(ModelForms models, Sample sample, double limit)
    {
        var rows = ImmutableArray.CreateBuilder<ThreadLatencyReport>();
        foreach (var load in models.Sessions)
        {
            using var sessions = load();
            rows.Add(LatencyMeter.Measure(sessions, sample, NoSlower, limit));
        }

        var one = rows[0];
        return new(one.FloatMs, one.PreparedFloatMs, one.QuantizedMs, one.Speedup, one.Interval)
        {
            PreparedSpeedup = one.PreparedSpeedup,
            PreparedInterval = one.PreparedInterval,
            Threads = rows.ToImmutable(),
        };
    }
}
