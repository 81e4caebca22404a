using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using QuantBuild.Onnx;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization;
using QuantBuild.Quantization.Accuracy;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;
using QuantBuild.Tool.Files;

namespace QuantBuild.Tool.Worker;

/// <summary>One model of a request: reused where its inputs are unchanged, quantized otherwise, judged always.</summary>
internal sealed class ModelBuild(Engine engine, WorkerRequest request, WorkerModel model, ProjectLocks locks, ModelChannel channel)
{
    private readonly ItemSettings _settings = new(model);

    /// <returns>Whether all gates that were set passed.</returns>
    /// <exception cref="QuantBuildException">The model, the data or a setting cannot be used.</exception>
    public bool Run(CancellationToken cancellation)
    {
        Report(_settings.Warnings);
        using var store = ModelStore.Open(model.Output, cancellation);
        try
        {
            return request.IsPassThrough ? LookAt() : Quantize(store, cancellation);
        }
        catch (QuantBuildException)
        {
            store.Withhold();
            throw;
        }
    }

    private bool LookAt()
    {
        // Whether it is a model is said here, not by the application that cannot load it
        _ = OnnxFile.Read(model.Source);
        channel.Input(Path.GetFullPath(model.Source));
        foreach (var file in ExternalData.FilesOf(model.Source))
        {
            channel.Input(file);
            channel.Companion(file);
        }

        channel.Result(passed: true, $"{model.Source}: deployed as float (QuantBuildMode is PassThrough)");
        return true;
    }

    private bool Quantize(ModelStore store, CancellationToken cancellation)
    {
        var job = new QuantizationRequest(model.Source, request.ProjectDirectory, _settings.Parse(), request.Threads);
        if (job.Settings.UpdateLock)
        {
            ModelLockFile.EnsureWritable(job, $"{model.Source}: Lock");
            locks.EnsureOwn(model, job.LockPath);
        }

        var inputs = QuantizationInputs.Find(job);
        foreach (var input in inputs.All)
        {
            channel.Input(input);
        }

        var fingerprint = InputFingerprint.Of(_settings, inputs, request.ProjectDirectory);
        var report = store.Find(fingerprint);
        report = report is not null && Gates.IsOutdated(report, job.Settings) ? null : report;
        var isReused = report is not null;
        if (report is null)
        {
            var result = engine.Quantize(job, channel, cancellation);
            store.Save(fingerprint, result);
            report = result.Report;
        }

        report = Gates.Judge(report with { Settings = WithLimits(report) }, job.Settings);
        if (isReused && report.Gates.Any(gate => gate is { Name: nameof(QuantizationSettings.MinSpeedup), Passed: false }))
        {
            // The time was measured when the machine was busy with something else, perhaps
            report = Gates.Judge(report with { Latency = engine.Measure(job, store.Result, cancellation) }, job.Settings);
        }

        var passed = report.Gates.All(gate => gate.Passed);
        store.Settle(report, passed);
        if (passed)
        {
            // Of a reused result too: the file may have been deleted or edited since. What no gate lets through is no decision
            ModelLockFile.Write(job, store.Lock);
        }

        if (passed && store.Data is { } data)
        {
            channel.Companion(data);
        }

        Report(report.Diagnostics);
        channel.Result(passed, Summary(report, isReused));
        return passed;
    }

    private void Report(IEnumerable<Diagnostic> diagnostics)
    {
        foreach (var diagnostic in diagnostics)
        {
            channel.Say(diagnostic);
        }
    }

    /// <summary>The report of a reused result holds the limits that it was judged by then.</summary>
    private ImmutableSortedDictionary<string, string> WithLimits(QuantizationReport report)
    {
        var limits = SettingDefinitions.All.Where(setting => !setting.ChangesResult).Select(setting => setting.Name).ToArray();
        return report.Settings.RemoveRange(limits.Select(JsonNamingPolicy.CamelCase.ConvertName))
            .SetItems(_settings.Values.Where(pair => limits.Contains(pair.Key)).Select(pair => KeyValuePair.Create(JsonNamingPolicy.CamelCase.ConvertName(pair.Key), pair.Value)));
    }

    private static string Summary(QuantizationReport report, bool isReused)
    {
        var size = string.Create(CultureInfo.InvariantCulture, $"{report.Size.FloatBytes:N0} to {report.Size.QuantizedBytes:N0} bytes");
        var accuracy = report.Accuracy is { } measured
            ? $", {measured.Metric} {GateMessages.Score(measured.Float)} to {GateMessages.Score(measured.Quantized)}"
            : "";
        var speed = report.Latency is { } latency ? string.Create(CultureInfo.InvariantCulture, $", {latency.Speedup:0.00} times as fast") : "";
        return $"{report.Model}: {size}{accuracy}{speed}{(isReused ? " (content unchanged, reused)" : "")}";
    }
}
