using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace QuantBuild.Benchmarks.Comparison;

/// <summary>One call of <c>quantbuild quantize</c>: all of the process, and the stages that its report names.</summary>
internal sealed record ToolCost(CallCost Call, double CalibrateSeconds, double PlanSeconds, int HeldOut);

/// <summary>The built tool, as a process.</summary>
internal sealed class ToolProcess(string tool, string effort, int threads)
{
    public ToolCost Quantize(string model, string samples, string method)
    {
        var folder = Directory.CreateTempSubdirectory("quantbuild-").FullName;
        try
        {
            var report = Path.Combine(folder, "report.json");
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                tool, "quantize", model, "--output", Path.Combine(folder, "int8.onnx"), "--calibration-data", samples,
                "--calibration-method", method, "--accuracy-effort", effort, "--threads", threads.ToString(CultureInfo.InvariantCulture), "--report", report,
            ];
            Array.ForEach(arguments, start.ArgumentList.Add);
            var before = Stopwatch.GetTimestamp();
            using var process = Process.Start(start)!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            var cpu = WatchUntilExit(process);
            var seconds = Stopwatch.GetElapsedTime(before).TotalSeconds;
            return process.ExitCode == 0
                ? Read(report, seconds, cpu, Directory.GetFiles(samples).Length)
                : throw new InvalidOperationException($"{string.Join(' ', arguments)}: exit code {process.ExitCode}. {output.Result}{errors.Result}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The processor time that was last seen: of a process that has ended nobody tells it.</summary>
    private static double WatchUntilExit(Process process)
    {
        const int Milliseconds = 20;
        var cpu = TimeSpan.Zero;
        while (!process.WaitForExit(Milliseconds))
        {
            try
            {
                process.Refresh();
                cpu = process.TotalProcessorTime;
            }
            catch (Exception exception) when (exception is InvalidOperationException or Win32Exception)
            {
                // It ended in between
            }
        }

        return cpu.TotalSeconds;
    }

    private static ToolCost Read(string path, double seconds, double cpu, int samples)
    {
        using var report = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = report.RootElement;
        double Stage(string name) => root.GetProperty("stages").EnumerateArray().Where(stage => stage.GetProperty("name").GetString() == name).Sum(stage => stage.GetProperty("seconds").GetDouble());
        return new(
            new(seconds, cpu, root.GetProperty("peakMemoryBytes").GetDouble(), samples, null), Stage("calibrate") + Stage("ranges"), Stage("plan") + Stage("search"), root.GetProperty("accuracy").GetProperty("samples").GetInt32());
    }
}
