using System.Collections.Immutable;
using System.Globalization;
using QuantBuild.Onnx.Diagnostics;
using QuantBuild.Quantization.Reports;

namespace QuantBuild.Quantization.Accuracy;

/// <summary>
/// Where the quantized model loses time against the prepared float model, and that for certain. One thread decides: what else a machine is doing
/// slows all models on one thread alike, but on many threads the one with more and smaller kernels most.
/// </summary>
internal static class LatencyWarnings
{
    public static ImmutableArray<DiagnosticCode> Codes { get; } = [DiagnosticCodes.SlowerThanFloat];

    public static IEnumerable<Diagnostic> Of(QuantizationReport report)
    {
        // A model in which nothing was quantized is the prepared float model itself.
        var isQuantized = report.Operators.IsEmpty || report.Operators.Any(row => row.Decision != OperatorDecision.Float);
        if (isQuantized && report.Latency is { PreparedInterval: [var low, < 1 and var high] } latency)
        {
            yield return new(DiagnosticCodes.SlowerThanFloat, string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Model}: the quantized model is {latency.PreparedSpeedup:0.00} times as fast as the prepared float model (95 % interval {low:0.00} to {high:0.00}). quantbuild tune finds what is faster on this machine; MinSpeedup makes a loss an error."));
        }

        // Layers that have become narrower fill the vectors of kernels worse, and tiny models are slower for it.
        if (!isQuantized && report is { Pruning: not null, Latency: { Interval: [var lowest, < 1 and var highest] } pruned })
        {
            yield return new(DiagnosticCodes.SlowerThanFloat, string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Model}: the pruned model is {pruned.Speedup:0.00} times as fast as the float model as given (95 % interval {lowest:0.00} to {highest:0.00}). Another share of Channels may leave widths that the kernels of this machine are made for; MinSpeedup makes a loss an error."));
        }
    }
}
