using System.Diagnostics;
using System.Text.Json;

namespace QuantBuild.Benchmarks.Comparison;

/// <summary>What one call of a quantizer cost, by the clock and in processor time; an error where it failed.</summary>
internal sealed record CallCost(double Seconds, double CpuSeconds, double PeakBytes, int Samples, string? Error)
{
    /// <summary>Without the start of the process, imports and the reading of samples; NaN where that is not told apart.</summary>
    public double OwnSeconds { get; init; } = double.NaN;
}

/// <summary>ONNX Runtime's own quantizer, in Python, through the script beside this program.</summary>
internal sealed class PeerProcess(string python, string peers)
{
    private static readonly JsonSerializerOptions Names = new(JsonSerializerDefaults.Web);

    public (string Model, int Samples) WriteSamples(string task, string folder)
    {
        var written = Run<WrittenSamples>("samples", task, folder);
        return (written.Model, written.Samples);
    }

    public CallCost Quantize(string task, string method, string folder)
    {
        var answer = Run<Answer>("quantize", task, $"u8s8_{method}", folder);
        return new(answer.Seconds, answer.CpuSeconds ?? double.NaN, answer.PeakBytes ?? double.NaN, answer.Samples, answer.Error) { OwnSeconds = answer.CallSeconds ?? double.NaN };
    }

    private T Run<T>(params string[] arguments)
    {
        var start = new ProcessStartInfo(python) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { Path.Combine(AppContext.BaseDirectory, "peer.py"), peers }.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<T>(output.TrimEnd().Split('\n')[^1], Names)!
            : throw new InvalidOperationException($"{python} {string.Join(' ', start.ArgumentList)} ended with exit code {process.ExitCode}. {errors.Result}");
    }

    private sealed record WrittenSamples(string Model, int Samples);

    private sealed record Answer(double Seconds, double? CallSeconds, double? CpuSeconds, double? PeakBytes, int Samples, string? Error);
}
